"""The guards: which weakness each stands against, what it is in the code, and the test that notices when it is gone.

The weaknesses are those that container engines before this one had; the numbers are CVE identifiers. An edit is a text that stands exactly once
in a file of the engine, and what a careless programmer would have written there.
"""

from __future__ import annotations

from dataclasses import dataclass

RUNTIME = "tests/privileged/isolation"
IMAGE = "tests/engine/image"


@dataclass(frozen=True)
class Edit:
    """``old`` stands once in ``file``; ``new`` is the same without the guard."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Guard:
    """``test`` is a pytest node id, with parameters or without."""

    name: str
    cves: tuple[str, ...]
    test: str
    edits: tuple[Edit, ...]


def _guard(name: str, cves: str, test: str, *edits: tuple[str, str, str]) -> Guard:
    return Guard(name, tuple(f"CVE-{number}" for number in cves.split()), test, tuple(Edit(*edit) for edit in edits))


GUARDS: tuple[Guard, ...] = (
    # -- the runtime
    _guard(
        "the interpreter is sealed", "2019-5736", "tests/engine/supervisor/test_spawner.py::test_sealed_copy_refuses_every_change",
        ("engine/spawner/interpreter.py", "                fcntl.fcntl(target, _F_ADD_SEALS, _SEALS)\n", ""),
    ),
    _guard(
        "an OCI bundle's process is sealed too", "2019-5736",
        "tests/privileged/oci/test_lifecycle.py::test_the_interpreter_in_a_created_container_is_a_sealed_copy",
        ("engine/cli/oci/sealing.py", "    if sealed():\n", "    if True:\n"),
    ),
    _guard(
        "a bundle's annotations are no orders", "2026-53488", "tests/privileged/oci/test_configuration.py::test_no_bundle_orders_our_runtime_about",
        ("engine/oci/bundle.py", " if not key.startswith(rootfs.RESERVED)}", "}"),
    ),
    _guard(
        "programs are looked up without procfs' links", "2019-5736", f"{RUNTIME}/test_process.py::test_the_interpreter_is_not_reachable",
        ("engine/runtime/execute.py", "fd = paths.open_in_root(syscalls.AT_FDCWD, name, resolve=paths.RESOLVE_NO_MAGICLINKS)",
         "fd = os.open(name, syscalls.O_PATH)"),
    ),
    _guard(
        "the working directory leads through no descriptor", "2024-21626",
        f"{RUNTIME}/test_process.py::test_working_directory_through_a_descriptor_is_refused[]",
        ("engine/runtime/init.py", "        os.close(paths.make_directories(root, cwd))\n", "        os.path.exists(cwd)\n"),
        ("engine/runtime/execute.py", "os.O_DIRECTORY, resolve=paths.RESOLVE_NO_MAGICLINKS)", "os.O_DIRECTORY, resolve=0)"),
        ("engine/runtime/execute.py", "    if not inside:\n", "    if not inside and False:\n"),
    ),
    _guard(
        "nothing of ours is open in the container", "2024-21626 2015-3627", f"{RUNTIME}/test_process.py::test_only_the_standard_descriptors",
        ("engine/runtime/init.py", "    syscalls.close_range(plan.kept)\n", ""),
        ("engine/runtime/init.py", "    syscalls.close_range(first + len(others))\n", "    os.set_inheritable(high[0], True)\n"),
    ),
    _guard(
        "a part of a volume lies in the volume", "2017-1002101 2021-25741", "tests/cli/test_places.py::test_a_part_of_a_volume",
        ("engine/runtime/rootfs.py", "resolve=paths.RESOLVE_BENEATH | paths.RESOLVE_NO_MAGICLINKS", "resolve=0"),
    ),
    _guard(
        "a part of an image lies in the image", "2017-1002101 2021-25741", "tests/privileged/test_image_mounts.py::test_a_part_of_it_and_no_way_out[overlay]",
        ("engine/runtime/rootfs.py", "resolve=paths.RESOLVE_BENEATH | paths.RESOLVE_NO_MAGICLINKS", "resolve=0"),
    ),
    _guard(
        "mount targets are held by descriptor", "2021-30465 2024-45310 2023-0778", f"{RUNTIME}/test_files.py::test_targets_are_resolved_inside_the_root",
        ("engine/runtime/rootfs.py",
         "                target = paths.make_directories(self._root, destination)\n            else:",
         '                where = f"/proc/self/fd/{self._root}{destination}"\n                os.makedirs(where, exist_ok=True)\n'
         "                target = os.open(where, syscalls.O_PATH)\n            else:"),
    ),
    _guard(
        "nothing is mounted in /proc", "2019-16884 2015-3631", f"{RUNTIME}/test_files.py::test_nothing_is_mounted_in_proc[/proc/sys]",
        ("engine/runtime/rootfs.py",
         '    if (clean == "/proc" and kind != "proc") or (clean.startswith("/proc/") and clean not in _PROC_FILES):\n', "    if not clean:\n"),
        ("engine/runtime/rootfs.py", "    if syscalls.filesystem_type(target) == PROC_MAGIC and", "    if False and"),
    ),
    _guard(
        "what is mounted on is looked at, not its name", "2019-19921", f"{RUNTIME}/test_files.py::test_a_link_to_proc_does_not_help",
        ("engine/runtime/rootfs.py", "    if syscalls.filesystem_type(target) == PROC_MAGIC and", "    if False and"),
    ),
    _guard(
        "procfs lands on a real directory", "2023-27561 2023-28642", f"{RUNTIME}/test_files.py::test_an_image_whose_proc_is_a_link[proc]",
        ("engine/runtime/rootfs.py", "paths.RESOLVE_IN_ROOT | paths.RESOLVE_NO_SYMLINKS", "paths.RESOLVE_IN_ROOT"),
    ),
    _guard(
        "masks are the host's null device", "2025-31133", f"{RUNTIME}/test_files.py::test_an_images_null_device_is_not_used_as_a_mask",
        ("engine/runtime/devices.py", "            mounts.bind(null, target)\n", '            mounts.bind(paths.open_in_root(root, "/dev/null"), target)\n'),
    ),
    _guard(
        "the console is bound inside the root", "2025-52565", f"{RUNTIME}/test_process.py::test_a_console_link_is_not_followed_out",
        ("engine/runtime/devices.py", '    target = paths.make_file(root, "/dev/console", 0o620)\n',
         '    target = os.open(f"/proc/self/fd/{root}/dev/console", os.O_CREAT | os.O_RDWR | os.O_TRUNC)\n'),
    ),
    _guard(
        "parameters are written through our own procfs", "2025-52881", f"{RUNTIME}/test_files.py::test_a_parameter_is_written_to_no_other_mount",
        ("engine/runtime/sysctl.py", "            fd = paths.open_beneath(proc, path, os.O_WRONLY)\n", "            fd = os.open(path, os.O_WRONLY, dir_fd=proc)\n"),
    ),
    _guard(
        "an image's /dev is opened inside the root", "2026-41579 2026-47766", f"{RUNTIME}/test_files.py::test_an_image_whose_dev_is_a_link",
        ("engine/runtime/devices.py", '    dev = paths.make_directories(root, "/dev")\n', '    dev = os.open(f"/proc/self/fd/{root}/dev", syscalls.O_PATH)\n'),
        ("engine/runtime/rootfs.py",
         "        try:\n            target = paths.open_in_root(self._root, destination, syscalls.O_PATH | os.O_DIRECTORY)\n        except FileNotFoundError:",
         '        try:\n            target = os.open(f"/proc/self/fd/{self._root}{destination}", syscalls.O_PATH | os.O_DIRECTORY)\n        except FileNotFoundError:'),
    ),
    _guard(
        "a user is an id or a name, nothing between", "2026-30892", "tests/engine/runtime/test_users.py::test_who_it_is_not",
        ("engine/runtime/users.py", "    if not (text.isascii() and text.isdigit()):\n", '    if not text.lstrip(" +-").rstrip().isdigit():\n'),
    ),
    _guard(
        "ids have a range", "2024-40635", "tests/engine/runtime/test_users.py::test_who_it_is_not",
        ("engine/runtime/users.py", "    if value > MAX_ID:\n", "    if value > 1 << 63:\n"),
    ),
    _guard(
        "digits are no name", "2016-3697", "tests/engine/runtime/test_users.py::test_who_it_is",
        ("engine/runtime/users.py", "(number is None and name == who)", "name == who"),
    ),
    _guard(
        "the primary group is among the groups", "2022-36109 2023-25173", "tests/engine/runtime/test_users.py::test_who_it_is",
        ("engine/runtime/users.py", "    wanted = [gid, *groups,", "    wanted = [*groups,"),
    ),
    _guard(
        "passwd is a regular file of bounded size", "2024-9676 2026-47262", f"{RUNTIME}/test_process.py::test_hostile_passwd_files",
        ("engine/linux/paths.py", "        if not stat.S_ISREG(info.st_mode):\n", "        if False:\n"),
    ),
    _guard(
        "nothing is inheritable", "2022-24769 2022-27649", f"{RUNTIME}/test_process.py::test_privileges_of_root",
        ("engine/runtime/spec.py", '    return {"bounding": listed,', '    return {"inheritable": listed, "bounding": listed,'),
    ),
    _guard(
        "nothing is inheritable in an exec", "2022-29162 2022-27651", f"{RUNTIME}/test_exec.py::test_exec_has_the_containers_privileges",
        ("engine/runtime/spec.py", '    return {"bounding": listed,', '    return {"inheritable": listed, "bounding": listed,'),
    ),
    _guard(
        "no namespaces are made inside", "2022-0492", f"{RUNTIME}/test_seccomp.py::test_no_namespace_from_inside",
        ("engine/runtime/execute.py", "    if seccomp:\n", "    if False:\n"),
    ),
    _guard(
        "address families are the listed ones", "2026-31431", f"{RUNTIME}/test_seccomp.py::test_what_the_default_profile_refuses",
        ("engine/runtime/execute.py", "    if seccomp:\n", "    if False:\n"),
    ),
    _guard(
        "parameters are a namespace's own", "2022-0811", "tests/engine/runtime/test_spec.py::test_other_refusals",
        ("engine/runtime/sysctl.py", """            raise InvalidArgument(f'sysctl "{given}" is not in a separate kernel namespace')\n""", '            needed = "uts"\n'),
    ),
    _guard(
        "control groups are read only", "2023-25809 2022-0492", f"{RUNTIME}/test_files.py::test_default_mounts",
        ("engine/runtime/rootfs.py", "            elif kind == \"cgroup\":\n", "            elif kind == \"cgroup\":\n                options.attr_set &= ~mounts.RDONLY\n"),
    ),
    _guard(
        "kernel files are masked and read only", "2015-3630", f"{RUNTIME}/test_files.py::test_masked_and_read_only_paths",
        ("engine/runtime/init.py", '    devices.make_read_only(root, spec["linux"].get("readonlyPaths") or ())\n', ""),
    ),
    # -- images and archives
    _guard(
        "names do not climb", "2007-4559 2014-6407", f"{IMAGE}/test_hostile.py::test_path_resolution_alone_keeps_inside",
        ("engine/image/names.py", "                raise CorruptData(f\"invalid path {shown(name)}: it leads out of the layer\")\n", "                parts.append(b\"..\")\n                continue\n"),
    ),
    _guard(
        "links are followed inside the layer", "2014-9357 2018-15664", f"{IMAGE}/test_hostile.py::test_path_resolution_alone_keeps_inside",
        ("engine/image/tree.py", "_DIRECTORY = _O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC", "_DIRECTORY = _O_PATH | os.O_DIRECTORY | os.O_CLOEXEC"),
    ),
    _guard(
        "hard links stay inside", "2025-4330", f"{IMAGE}/test_extract.py::test_a_hard_link_reaches_nothing_outside",
        ("engine/image/extract.py",
         "        holder = paths.open_in_root(self._root, f\"{self._target}/{above}\", syscalls.O_PATH | os.O_DIRECTORY)\n",
         "        holder = os.open(f\"/proc/self/fd/{self._root}/{self._target}/{above}\", syscalls.O_PATH | os.O_DIRECTORY)\n"),
    ),
    _guard(
        "copies into a container are resolved inside", "2018-15664 2026-41568 2025-11395", f"{IMAGE}/test_extract.py::test_links_of_the_archive_stay_inside",
        ("engine/image/extract.py",
         "            self._parent = paths.make_directories(self._root, f\"{self._target}/{path}\")\n",
         "            os.makedirs(f\"/proc/self/fd/{self._root}/{self._target}/{path}\", exist_ok=True)\n"
         "            self._parent = os.open(f\"/proc/self/fd/{self._root}/{self._target}/{path}\", syscalls.O_PATH)\n"),
    ),
    _guard(
        "modes and owners go to what was made", "2021-32760", f"{IMAGE}/test_extract.py::test_no_archive_touches_anything_outside",
        ("engine/image/extract.py", "os.chown(base, uid, gid, dir_fd=parent, follow_symlinks=False)", "os.chown(base, uid, gid, dir_fd=parent)"),
    ),
    _guard(
        "the jail's root is the layer", "2014-9358", f"{IMAGE}/test_jail.py::test_sees_nothing_but_the_layer",
        ("engine/image/jail.py", '    os.chdir(target)\n    syscalls.pivot_root(".", ".")\n    syscalls.umount2(".", _DETACH)\n    os.chdir("/")\n', "    os.chdir(target)\n"),
    ),
    _guard(
        "nothing is imported in the jail", "2019-14271", f"{IMAGE}/test_jail.py::test_imports_nothing_from_the_layer",
        ("engine/image/jail.py", "    sys.path.clear()\n    sys.meta_path.clear()\n", ""),
        ("engine/image/jail.py", '    os.chdir(target)\n    syscalls.pivot_root(".", ".")\n    syscalls.umount2(".", _DETACH)\n    os.chdir("/")\n', "    os.chdir(target)\n"),
    ),
    _guard(
        "nothing is executed in the jail", "2026-41567", f"{IMAGE}/test_jail.py::test_has_no_network_no_mounts_and_no_other_processes",
        ("engine/image/jail.py", '"execve", "execveat", ', ""),
    ),
    _guard(
        "an archive's names are members of it", "2014-9356", f"{IMAGE}/test_load.py::test_links_stay_inside",
        ("engine/image/archive.py", '    return "" if found in (".", "..") or found.startswith("../") else found\n', '    return found.replace("../", "")\n'),
    ),
    _guard(
        "digests are no paths", "2024-3727", "tests/engine/store/test_files.py::test_malformed_digests_never_become_paths",
        ("engine/store/blobs.py", "    if len(digits) != _DIGITS.get(algorithm, -1) or not _HEX.issuperset(digits):\n", "    if False:\n"),
    ),
    _guard(
        "a document is one thing", "2021-41190", f"{IMAGE}/test_pull.py::test_hostile_manifests",
        ("engine/image/documents.py", '    if is_index == ("layers" in document or "config" in document):\n', "    if False:\n"),
    ),
    _guard(
        "documents are small", "2023-25153", f"{IMAGE}/test_load.py::test_hostile_archives_leave_nothing",
        ("engine/image/archive.py", "        if size > limit:\n", "        if False:\n"),
    ),
    _guard(
        "sizes in an archive are not negative", "2025-8194", f"{IMAGE}/test_tar.py::test_a_negative_size_does_not_lead_back",
        ("engine/image/tar.py", "        if not 0 <= size <= MAX_FILE:\n            raise CorruptData(f\"tar: impossible size {size} of {_shown(name)}\")\n", ""),
    ),
    _guard(
        "a volume's first content is the image's own", "2022-23648", "tests/engine/embedded/test_copyup.py",
        ("engine/backends/embedded/copyup.py",
         "                source = paths.open_in_root(root, place, os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)\n",
         "                source = os.open(f\"/proc/self/fd/{root}{place}\", os.O_RDONLY | os.O_DIRECTORY | os.O_NONBLOCK)\n"),
    ),
    # -- registries
    _guard(
        "foreign addresses see no credentials", "2020-15157", "tests/engine/registry/test_client.py::test_an_address_that_a_manifest_names_sees_no_credentials",
        ("engine/registry/client.py", '            sent = "" if foreign else tokens.current\n', "            sent = tokens.current\n"),
    ),
    _guard(
        "a password is shown to its own registry only", "2021-41092", "tests/engine/registry/test_credentials.py::test_auths_match_by_host",
        ("engine/registry/credentials.py", "    return _key_host(key) in _hosts(domain)\n", "    return bool(_key_host(key))\n"),
    ),
    # -- networks
    _guard(
        "internal networks ask nobody", "2024-29018", "tests/engine/network/test_names.py::test_internal_networks_forward_nothing",
        ("engine/network/resolver.py", "        if self._directory.internal or not", "        if not"),
    ),
    _guard(
        "no IPv6 where there is none", "2024-32473", "tests/engine/network/test_traffic.py::test_ipv6_is_off_on_both_sides",
        ("engine/network/wiring.py", '    sysctl(f"ipv6/conf/{name}/disable_ipv6", "0" if on else "1")\n', ""),
    ),
    _guard(
        "routers do not announce themselves to the host", "2020-13401", "tests/engine/network/test_traffic.py::test_ipv6_is_off_on_both_sides",
        ("engine/network/wiring.py", '    sysctl(f"ipv6/conf/{name}/accept_ra", "0")\n', ""),
    ),
    _guard(
        "127.0.0.1 is the host's own", "2020-8558", "tests/engine/network/test_traffic.py::test_port_of_loopback_stays_on_the_host",
        ("engine/network/rules.py", '    batch.add_rule("loopback", match.incoming("lo", negate=True), match.destination_in("127.0.0.0", 8), match.drop())\n', ""),
    ),
    _guard(
        "flushed rules come back", "2025-54388 2025-54410", "tests/engine/network/test_life.py::test_flushed_rules_come_back_with_the_next_start",
        ("engine/network/firewall.py",
         '            if not all(socket.has_chain(self._table, f"into-{network.bridge}", family) for family in _families(network)):\n'
         "                self._load(socket)\n                return\n", ""),
    ),
    # -- sockets and the state on disk
    _guard(
        "no socket is in the abstract name space", "2020-15257", "tests/privileged/test_lifecycle.py::test_no_socket_can_be_reached_from_the_hosts_network",
        ("engine/spawner/wire.py", '        sock.bind(f"/proc/self/fd/{directory}/{name}")\n',
         '        sock.bind(f"/proc/self/fd/{directory}/{name}")\n        import atexit\n        spare = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)\n'
         '        spare.bind(b"\\0longshore" + os.urandom(8))\n        spare.listen(1)\n        atexit.register(spare.close)\n'),
    ),
    _guard(
        "who leaves an attached container leaves nothing there", "2025-64329", "tests/privileged/test_kill9.py::test_requests_of_a_vanished_front_end_do_not_stay",
        ("engine/supervisor/peers.py", "        self._loop.forget(self._sock.fileno())\n        self._sock.close()\n", "        self._loop.forget(self._sock.fileno())\n        kept.append(self._sock)\n"),
        ("engine/supervisor/peers.py", "def _nothing() -> None:\n", "kept: list[socket.socket] = []\n\n\ndef _nothing() -> None:\n"),
    ),
    _guard(
        "the roots are closed to others", "2021-41091 2024-25621", "tests/engine/store/test_files.py::test_directories_are_closed_to_others",
        ("engine/store/roots.py", "_DIRECTORY_MODE = 0o700", "_DIRECTORY_MODE = 0o755"),
    ),
)  # fmt: skip
"""In the order of the engine's parts."""
