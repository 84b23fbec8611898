"""Any OCI bundle in the embedded engine's runtime, without its store, spawner and supervisors: what runc does.

Whoever calls (podman's conmon, containerd's shim, a person) is the one who waits for the container's process. State is a
directory a container below a root of its own; see :mod:`engine.oci.state`. The command line is :mod:`engine.cli.oci`.
"""
