"""The engine of an ordinary user: everything happens in one user and mount namespace in which the user is root.

::

    longshore VERB (uid 1000)
      is there a holder?
        no: takes userns.lock, forks -> unshare(NEWUSER) ── newuidmap, newgidmap ──> unshare(NEWNS|NEWNET), binds its netns to <run>/netns,
                                                                 becomes `sleep infinity`: the *holder*
      setns(holder, user + mount), and goes on as uid 0 of that namespace: the verb itself, the spawner that it starts,
      supervisors and containers are the rootful ones

A verb enters in place, before it has a second thread: 1 ms, where executing a fresh Python would cost 15. The holder keeps the
namespaces between two verbs; it has no state. When it is killed, containers go on: the next verb finds their supervisors by the inodes
of the namespaces, enters through one of them and leaves a new holder there.

What differs from the engine of root, and where it is seen to:

- ids: ``/etc/subuid`` and ``/etc/subgid`` through newuidmap(1) (:mod:`engine.rootless.idmap`). Without them there is one user, one group:
  all files of images then belong to it (chown is left out, as podman's ``ignore_chown_errors`` does), and
  processes can only be root.
- devices can not be made: the host's nodes are bound instead. Overlays keep their marks in ``user.overlay.*``.
- networks: bridges, names and rules are the rootful ones, in one network namespace of the engine (``<run>/netns``), which one
  pasta(1) connects to the world as long as a container is in a network. Front ends and supervisors stay in the host's network
  namespace, so that registries, published ports and ``--network host`` are the host's own; as there is no way back into it, what
  changes networks runs in a thread of its own (:mod:`engine.rootless.aside`). One pasta for each container, as podman starts it,
  would give every container two ways out, cost 31 MB each, and know neither networks nor a port that comes later.
- processes: nor is there a way back into the host's PID namespace. Where root's engine unshares, forks and goes back, a fork goes
  ahead here and ends (:mod:`engine.runtime.process`).
- published ports: the socket that holds the port carries the traffic, too (:mod:`engine.network.proxy`).
  A container sees its gateway as the other end.
- limits: where the user may write to a cgroup of version 2 (:mod:`engine.linux.cgroups`); else none, and ``info`` says so.
"""
