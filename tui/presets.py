"""Whose keys: sets of keys for those who have others in their fingers. What a preset does not name keeps its own keys.

``lazydocker`` differs where Longshore's own keys do: the panes' numbers, and ``c`` for commands of one's own in every list.
``vim`` adds what vim's readers try first; ``x`` and ``d`` remove, so the menu is ``?``.
"""

from __future__ import annotations

from collections.abc import Mapping

PRESETS: Mapping[str, Mapping[str, str]] = {
    "lazydocker": {
        # 1 and 2 are projects and services there, which stand in the containers' list here.
        "global.containers": "1,2,3",
        "global.images": "4",
        "global.volumes": "5",
        "global.networks": "6",
        "global.main": "7",
        "global.log": "8",
        "global.custom": "X,c",
        "containers.custom": "",
        "images.cancel": "ctrl+x",
        "networks.connect": "a",
    },
    "vim": {
        "lists.up": "up,k,ctrl+p",
        "lists.down": "down,j,ctrl+n",
        "lists.next_pane": "right,l,tab,ctrl+w",
        "lists.range": "v,V",
        "main.next_pane": "tab,ctrl+w",
        "global.page_up": "pageup,ctrl+b,ctrl+u,K",
        "global.page_down": "pagedown,ctrl+f,ctrl+d,J",
        "pick.page_up": "pageup,ctrl+b,ctrl+u,K",
        "pick.page_down": "pagedown,ctrl+f,ctrl+d,J",
        "global.palette": "colon",
        "global.menu": "question_mark",
        "global.quit": "Q,q,ctrl+c,ctrl+q",
        "containers.remove": "d,x",
        "images.remove": "d,x",
        "volumes.remove": "d,x",
        "networks.remove": "d,x",
        "lists.copy": "y,Y",
    },
}


def keymap(preset: str, keys: Mapping[str, str]) -> Mapping[str, str]:
    """The keys of a preset with a person's own above them, by action id."""
    return {**PRESETS.get(preset, {}), **keys}
