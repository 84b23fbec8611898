// What programs do with dockerode, one function for each test: `node dockerode.js SOCKET VERSION FUNCTION` prints what it found as JSON.
'use strict';
const { once } = require('node:events');
const { PassThrough } = require('node:stream');
const Docker = require('dockerode');
const tar = require('tar-stream');

const [socketPath, version, wanted] = process.argv.slice(2);
const registry = process.env.REGISTRY;
const docker = new Docker({ socketPath, version });

/** All that a stream says, as text. */
const collected = async (stream) => {
  const chunks = [];
  for await (const chunk of stream) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString();
};

/** Both outputs of a multiplexed stream, up to its end. */
const demuxed = async (stream) => {
  const [out, err] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, out, err);
  stream.on('end', () => (out.end(), err.end()));
  return Promise.all([collected(out), collected(err)]);
};

/** Read until a word was said. */
const heard = (stream, word) =>
  new Promise((resolve) => {
    let text = '';
    const listen = (data) => {
      text += data;
      if (text.includes(word)) (stream.off('data', listen), resolve(text));
    };
    stream.on('data', listen);
  });

/** The status of what must fail. */
const failure = (promise) =>
  promise.then(
    () => 'no failure',
    (error) => error.statusCode,
  );

const sleeper = async (name, more = {}) => {
  const made = await docker.createContainer({ Image: 'busybox', Cmd: ['sleep', '1000'], name, Labels: { of: 'dockerode' }, ...more });
  await made.start();
  return made;
};

const tests = {
  async life() {
    const made = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'read word; echo got $word; exit 3'], OpenStdin: true, name: 'one' });
    const states = [(await made.inspect()).State.Status];
    for (const verb of ['start', 'pause', 'unpause']) {
      await made[verb]();
      states.push((await made.inspect()).State.Status);
    }
    const table = await made.top({ ps_args: 'aux' });
    await made.rename({ name: 'two' });
    await made.update({ CpuShares: 512 });
    await docker.getContainer('two').restart({ t: 0 });
    const waiting = made.wait();
    await made.kill();
    const ended = await waiting;
    const listed = await docker.listContainers({ all: true, filters: { name: ['two'], status: ['exited'] } });
    const none = await docker.listContainers({ all: true, filters: JSON.stringify({ name: ['three'] }) });
    await made.remove();
    return { states, titles: table.Titles, ended, listed: listed.map((item) => item.Names), none, gone: await failure(made.inspect()) };
  },

  async run() {
    const [out, err] = [new PassThrough(), new PassThrough()];
    const said = Promise.all([collected(out), collected(err)]);
    const [result, made] = await docker.run('busybox', ['sh', '-c', 'echo out; echo err >&2; exit 4'], [out, err], { Tty: false });
    out.end();
    err.end();
    await made.remove();
    return { code: result.StatusCode, said: await said };
  },

  async attach() {
    const made = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'echo begun >&2; cat; echo over'], OpenStdin: true, StdinOnce: true });
    const stream = await made.attach({ stream: true, stdin: true, stdout: true, stderr: true, hijack: true });
    const said = demuxed(stream);
    await made.start();
    const size = 1 << 20;
    stream.write(Buffer.alloc(size, 'x'));
    stream.end('end\n');
    const code = (await made.wait()).StatusCode;
    const [out, err] = await said;
    await made.remove();
    return { code, err, length: out.length - size, tail: out.slice(-9) };
  },

  async exec() {
    const made = await sleeper('host');
    const plain = await made.exec({ Cmd: ['sh', '-c', 'tr a-z A-Z; echo $COLOR >&2; exit 5'], Env: ['COLOR=red'], AttachStdin: true, AttachStdout: true, AttachStderr: true });
    const stream = await plain.start({ hijack: true, stdin: true });
    const said = demuxed(stream);
    stream.end('shout');
    const both = await said;
    const { ExitCode, Running } = await plain.inspect();
    const shell = await made.exec({ Cmd: ['sh'], Tty: true, AttachStdin: true, AttachStdout: true, AttachStderr: true });
    const terminal = await shell.start({ hijack: true, stdin: true, Tty: true });
    await shell.resize({ h: 33, w: 111 });
    terminal.write('stty size\n');
    const first = await heard(terminal, '33 111');
    await shell.resize({ h: 20, w: 90 });
    terminal.write('stty size\n');
    await heard(terminal, '20 90');
    terminal.end('exit 6\n');
    terminal.resume();
    await once(terminal, 'end');
    return { both, ExitCode, Running, echoed: first.includes('stty size'), shell: (await shell.inspect()).ExitCode };
  },

  async logs() {
    const made = await docker.createContainer({ Image: 'busybox', Cmd: ['sh', '-c', 'echo first; echo wrong >&2; read go; echo last'], OpenStdin: true });
    await made.start();
    const follow = await made.logs({ follow: true, stdout: true, stderr: true, timestamps: true });
    const said = demuxed(follow);
    const input = await made.attach({ stream: true, stdin: true, hijack: true });
    input.end('go\n');
    const [out, err] = await said;
    const whole = await made.logs({ stdout: true, tail: 1 });
    return { lines: out.split('\n').map((line) => line.split(' ')[1]), err: err.split(' ')[1], stamped: /^\d{4}-\d\d-\d\dT[\d:.]+Z /.test(out), whole: whole.subarray(8).toString() };
  },

  async events() {
    const stream = await docker.getEvents({ since: Math.floor(Date.now() / 1000), filters: { type: ['container'], label: ['of=dockerode'], container: ['told'] } });
    const seen = [];
    let text = '';
    const all = new Promise((done) => stream.on('data', (data) => {
      text += data;
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines.filter(Boolean)) seen.push(JSON.parse(line));
      if (seen.some((event) => event.Action === 'destroy')) done();
    }));
    const made = await sleeper('told');
    await made.remove({ force: true });
    await all;
    stream.destroy();
    return seen.map((event) => [event.Action, event.Actor.Attributes.name]);
  },

  async pull() {
    const stream = await docker.pull('many:latest');
    const events = [];
    const output = await new Promise((resolve, reject) =>
      docker.modem.followProgress(stream, (error, found) => (error ? reject(error) : resolve(found)), (event) => events.push(event)));
    const image = await docker.getImage('many').inspect();
    const missing = await failure(docker.pull(`${registry}/library/busybox:no-such-tag`));
    const history = await docker.getImage('many').history();
    const removed = await docker.getImage('many').remove({ force: true });
    return {
      same: events.length === output.length,
      pulled: output.filter((event) => event.status === 'Pull complete').length,
      counted: output.some((event) => event.progressDetail && event.progressDetail.total > 0),
      last: output.at(-1).status,
      layers: image.RootFS.Layers.length,
      history: history.length,
      missing,
      removed: removed.some((line) => line.Deleted),
    };
  },

  async archives() {
    const made = await docker.createContainer({ Image: 'busybox', Cmd: ['cat', '/in/a.txt'] });
    const pack = tar.pack();
    pack.entry({ name: 'in', type: 'directory' });
    pack.entry({ name: 'in/a.txt', mode: 0o640 }, 'carried\n');
    pack.finalize();
    await made.putArchive(pack, { path: '/' });
    await made.start();
    await made.wait();
    const said = (await made.logs({ stdout: true })).subarray(8).toString();
    const extract = tar.extract();
    const found = {};
    extract.on('entry', async (header, stream, next) => {
      found[header.name] = [header.type, (header.mode & 0o777).toString(8), await collected(stream)];
      next();
    });
    (await made.getArchive({ path: '/in' })).pipe(extract);
    await once(extract, 'finish');
    const info = await made.infoArchive({ path: '/in/a.txt' });
    info.resume();
    const stat = JSON.parse(Buffer.from(info.headers['x-docker-container-path-stat'], 'base64'));
    const missing = await failure(made.getArchive({ path: '/nope' }));
    const changes = (await made.changes()).map((change) => change.Path);
    const exported = await made.export();
    const names = [];
    const whole = tar.extract();
    whole.on('entry', (header, stream, next) => (names.push(header.name), stream.on('end', next), stream.resume()));
    exported.pipe(whole);
    await once(whole, 'finish');
    const image = await made.commit({ repo: 'made', tag: '1' });
    const tags = (await docker.getImage(image.Id).inspect()).RepoTags;
    await docker.getImage('made:1').remove();
    return { said, found, stat: [stat.name, stat.size], missing, changes, exported: names.includes('in/a.txt'), tags };
  },

  async stats() {
    const made = await sleeper('busy');
    const stream = await made.stats({ stream: true });
    const seen = [];
    let text = '';
    await new Promise((done) => stream.on('data', (data) => {
      text += data;
      const lines = text.split('\n');
      text = lines.pop();
      for (const line of lines.filter(Boolean)) seen.push(JSON.parse(line));
      if (seen.length >= 2) done();
    }));
    stream.destroy();
    const once_ = await made.stats({ stream: false });
    return { name: seen[0].name, order: seen[0].read < seen[1].read, chained: seen[1].preread === seen[0].read, cpu: once_.cpu_stats.cpu_usage.total_usage > 0, networks: Object.keys(once_.networks) };
  },

  async places() {
    const lan = await docker.createNetwork({ Name: 'lan', Driver: 'bridge', IPAM: { Config: [{ Subnet: '10.231.7.0/24' }] }, Labels: { of: 'dockerode' } });
    const volume = await docker.createVolume({ Name: 'data', Labels: { of: 'dockerode' } });
    const made = await sleeper('placed', { HostConfig: { Binds: ['data:/data'], NetworkMode: 'none' } });
    await docker.getNetwork('none').disconnect({ Container: made.id });
    await lan.connect({ Container: made.id, EndpointConfig: { IPAMConfig: { IPv4Address: '10.231.7.9' }, Aliases: ['here'] } });
    const members = Object.values((await lan.inspect()).Containers).map((member) => member.IPv4Address);
    const listed = await docker.listNetworks({ filters: { label: ['of=dockerode'] } });
    const volumes = await docker.listVolumes({ filters: { label: ['of=dockerode'] } });
    const used = await failure(docker.getVolume('data').remove());
    await lan.disconnect({ Container: made.id, Force: true });
    await made.remove({ force: true });
    const pruned = await docker.pruneNetworks({ filters: { label: ['of=dockerode'] } });
    await docker.getVolume('data').remove();
    return { volume: volume.Name || volume.name, members, listed: listed.map((item) => item.Name), volumes: volumes.Volumes.map((item) => item.Name), used, pruned: pruned.NetworksDeleted };
  },

  async failures() {
    const made = await sleeper('there');
    const pack = tar.pack();
    pack.entry({ name: 'Dockerfile' }, 'FROM busybox\n');
    pack.finalize();
    const asked = {
      noImage: () => docker.createContainer({ Image: 'nope' }),
      noContainer: () => docker.getContainer('nope').start(),
      nameTaken: () => docker.createContainer({ Image: 'busybox', name: 'there' }),
      runs: () => made.remove(),
      filter: () => docker.listContainers({ filters: { nope: ['x'] } }),
      notRunning: async () => (await docker.createContainer({ Image: 'busybox' })).kill(),
      noExec: () => docker.getExec('nope').inspect(),
      noNetwork: () => docker.getNetwork('nope').inspect(),
      again: () => made.start(),
      swarm: () => docker.swarmInspect(),
      build: () => docker.buildImage(pack),
    };
    const found = {};
    for (const [name, ask] of Object.entries(asked)) found[name] = await failure(ask());
    return found;
  },

  async system() {
    const [ping, about, info, df] = [await docker.ping(), await docker.version(), await docker.info(), await docker.df()];
    const pruned = await docker.pruneContainers();
    return { ping: ping.toString(), api: about.ApiVersion, type: info.OSType, images: df.Images.length, pruned: pruned.SpaceReclaimed };
  },
};

tests[wanted]().then((found) => console.log(JSON.stringify(found)));
