"""``longshore completion``: a script for bash, zsh or fish that asks the hidden verb ``__complete``.

What can follow is computed from the verbs' ``SPEC`` and the engine itself (names of containers, images, networks, volumes), so that the
scripts never go stale.
"""

from __future__ import annotations

from engine.cli.context import Context
from engine.cli.flags import Options, Spec, UsageError

SPEC = Spec(usage="bash|zsh|fish", summary="Generate the autocompletion script for the specified shell", least=1, most=1)

_BASH = """\
_longshore() {
    local IFS=$'\\n'
    COMPREPLY=($(longshore __complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _longshore longshore
"""
_ZSH = """\
#compdef longshore
_longshore() {
    local -a found
    found=("${(@f)$(longshore __complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)}")
    compadd -Q -- $found
}
compdef _longshore longshore
"""
_FISH = """\
function __longshore_complete
    set -l words (commandline -opc) (commandline -ct)
    longshore __complete -- $words[2..-1] 2>/dev/null
end
complete -c longshore -f -a '(__longshore_complete)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def run(context: Context, options: Options) -> int:
    shell = options.args[0]
    if shell not in _SCRIPTS:
        raise UsageError(f"no completion for {shell!r}; there is one for bash, zsh and fish")
    print(_SCRIPTS[shell], end="", file=context.out)
    return 0
