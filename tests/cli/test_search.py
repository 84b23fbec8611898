"""``search``, as docker prints it."""

from __future__ import annotations

import json

from tests.engine.registry.fake import Answer, fake_registry
from tests.support.stateroot import StateRoot

ROWS = [
    {
        "name": "nginx",
        "description": "Official build of Nginx, the server that is named with few letters",
        "star_count": 20000,
        "is_official": True,
    },
    {"name": "me/nginx", "description": "mine", "star_count": 0},
]


def test_search(longshore: StateRoot) -> None:
    with fake_registry() as index:
        index.rules.append(lambda asked: Answer(200, json.dumps({"results": ROWS}).encode()))
        term = f"{index.host}/nginx"
        assert longshore.out("search", term).splitlines() == [
            "NAME       DESCRIPTION                                     STARS     OFFICIAL",
            "nginx      Official build of Nginx, the server that is …   20000     [OK]",
            "me/nginx   mine                                            0         ",
        ]
        assert longshore.out("search", "--no-trunc", "--format", "{{.Name}}: {{.Description}}", "-f", "stars=1", term) == (
            f"nginx: {ROWS[0]['description']}\n"
        )
        refused = longshore("search", "--limit", "200", term)
        assert refused.returncode == 1 and "Limit 200 is outside the range of [1, 100]" in refused.stderr
