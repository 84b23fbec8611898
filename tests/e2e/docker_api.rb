# What programs do with the gem docker-api, one method for each test: `ruby docker_api.rb METHOD` prints what it found as JSON.
# The gem asks without a version in the path, with a body for a start, and takes connections over without saying so beforehand.
require 'docker'
require 'json'
require 'rubygems/package'
require 'stringio'

def sleeper(name, more = {})
  Docker::Container.create({ 'name' => name, 'Image' => 'busybox', 'Cmd' => %w[sleep 1000], 'Labels' => { 'of' => 'ruby' } }.merge(more)).start!
end

def refused
  yield
  'not refused'
rescue Docker::Error::DockerError => e
  [e.class.name, e.message]
end

def life
  made = Docker::Container.create('name' => 'one', 'Image' => 'busybox', 'Cmd' => ['sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.1; done'])
  states = [made.json['State']['Status']]
  %i[start! pause! unpause! restart!].each do |verb|
    made.public_send(verb)
    states << made.json['State']['Status']
  end
  titles = made.top.first.keys
  made.rename('two')
  listed = Docker::Container.all(all: true, filters: { name: ['two'] }.to_json).map { |each| each.info['Names'] }
  made.update('Memory' => 64 << 20, 'MemorySwap' => -1)
  memory = made.json['HostConfig']['Memory']
  made.kill!(signal: 'KILL')
  ended = made.wait(60)['StatusCode']
  made.remove
  { states: states, titles: titles.take(2), listed: listed, memory: memory, ended: ended, gone: refused { Docker::Container.get('two') } }
end

def output
  waits = 'echo ready; until test -e /go; do sleep 0.1; done; echo out; echo err >&2; exit 4'
  made = Docker::Container.create('name' => 'said', 'Image' => 'busybox', 'Cmd' => ['sh', '-c', waits]).start!
  live = made.attach(stream: true, logs: true) { |_, piece| made.store_file('/go', '') if piece == "ready\n" }
  code = made.wait(60)['StatusCode']
  { live: live, code: code, logs: made.streaming_logs(stdout: true, stderr: true).lines.sort, err: made.streaming_logs(stderr: true) }
end

def input
  made = Docker::Container.create('name' => 'fed', 'Image' => 'busybox', 'Cmd' => %w[wc -c], 'OpenStdin' => true, 'StdinOnce' => true)
  made.start!
  { attached: made.attach(stdin: StringIO.new('x' * 1_000_000)), code: made.wait(60)['StatusCode'] }
end

def exec
  made = sleeper('within')
  { both: made.exec(['sh', '-c', 'echo out; echo err >&2; exit 5']), fed: made.exec(%w[cat], stdin: StringIO.new("through\n")),
    terminal: made.exec(['sh', '-c', 'test -t 1 && echo yes'], tty: true) }
end

def files
  made = sleeper('filed')
  made.store_file('/etc/told', "a\nb\n")
  read = StringIO.new
  made.archive_out('/etc/told') { |chunk| read.write(chunk) }
  out = StringIO.new
  made.export { |chunk| out.write(chunk) }
  { seen: made.exec(%w[cat /etc/told]), changed: made.changes.map { |each| each['Path'] }, packed: read.string.include?("a\nb\n"),
    exported: out.string.include?('etc/told') }
end

def images
  name = "#{ENV.fetch('REGISTRY')}/library/busybox"
  steps = []
  pulled = Docker::Image.create('fromImage' => name, 'tag' => 'latest') { |line| steps << line }
  committed = sleeper('source').commit('repo' => 'own', 'tag' => 'one', 'comment' => 'by ruby')
  found = Docker::Image.get('own:one')
  found.tag('repo' => 'own', 'tag' => 'two')
  tags = Docker::Image.get('own:two').info['RepoTags'].sort
  saved = StringIO.new
  Docker::Image.save_stream('own:one') { |chunk| saved.write(chunk) }
  history = found.history.first['Comment']
  found.remove(force: true, name: 'own:one')
  found.remove(force: true, name: 'own:two')
  { pulled: pulled.info['RepoTags'].include?("#{name}:latest"), said: steps.join.include?('Status: '), same: committed.id == found.id[0, committed.id.length],
    tags: tags, history: history, saved: saved.string.include?('manifest.json'), gone: Docker::Image.exist?('own:one') }
end

def networks
  net = Docker::Network.create('harbour', 'Labels' => { 'of' => 'ruby' })
  made = sleeper('moored')
  net.connect(made.id)
  inside = net.json['Containers'].values.map { |each| each['Name'] }
  net.disconnect(made.id)
  left = net.json['Containers']
  net.remove
  store = Docker::Volume.create('hold', 'Labels' => { 'of' => 'ruby' })
  kept = Docker::Volume.all.map { |each| each.info['Name'] }
  store.remove
  { inside: inside, left: left, volume: kept.include?('hold'), after: Docker::Volume.all.length }
end

def events
  since = Time.now.to_i - 1
  sleeper('told').delete(force: true)
  seen = []
  Docker::Event.since(since, until: Time.now.to_i + 1, filters: { container: ['told'] }.to_json) { |event| seen << event.action }
  { seen: seen, version: Docker.version['ApiVersion'], driver: Docker.info['Driver'], up: Docker.ping }
end

def refusals
  sleeper('there')
  { name: refused { sleeper('there') }, image: refused { Docker::Container.create('Image' => 'nothing-of-it') },
    running: refused { Docker::Container.get('there').remove }, mode: refused { sleeper('odd', 'HostConfig' => { 'NetworkMode' => 'container:' }) } }
end

puts JSON.generate(send(ARGV.fetch(0)))
