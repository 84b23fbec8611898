"""Limits that are asked for and can not be set on this machine: what create and update say of them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from engine.backends.embedded.core import Core
from engine.linux import cgroup_limits, cgroups


def discarded(core: Core, resources: Mapping[str, Any]) -> Sequence[str]:
    """A sentence for each limit of an OCI ``linux.resources`` object; to an ordinary user also what to do about it."""
    said = cgroup_limits.discarded(resources, cgroups.detect())
    if not said or not os.path.exists(core.roots.netns):
        return said
    from engine.rootless import doctor

    return [*said, *filter(None, (doctor.cgroup(),))]
