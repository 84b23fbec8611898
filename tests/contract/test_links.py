"""Links: a name that one container alone has for another."""

from __future__ import annotations

import pytest

from engine.errors import InvalidArgument
from tests.contract.lab import Lab


async def test_a_link_in_the_default_network(lab: Lab) -> None:
    if (await lab.engine.system.version()).engine == "podman":
        # Podman takes links and forgets them: names are a matter of its networks.
        return
    await lab.sleeper(name="store", network_mode="bridge")
    linked = await lab.sleeper(name="shop", network_mode="bridge", links=("store:db", "store"))
    alone = await lab.sleeper(network_mode="bridge")
    for name in ("db", "store"):
        assert (await lab.exec(linked, "ping", "-c1", "-W5", name)).code == 0
    assert (await lab.exec(alone, "ping", "-c1", "-W5", "db")).code != 0
    shown = (await lab.inspect(linked)).host_config.links
    assert sorted(link if ":" in link else f"{link}:{link}" for link in shown) == ["store:db", "store:store"]
    with pytest.raises(InvalidArgument, match="could not get container for nobody"):
        await lab.create("true", network_mode="bridge", links=("nobody:x",))
    with pytest.raises(InvalidArgument, match="can't be used with links"):
        await lab.create("true", network_mode="host", links=("store:db",))
