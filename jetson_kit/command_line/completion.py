"""Completion of `./inv` in shells: what each asks by, and what it is offered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

# Invoke's own scripts call the `inv` of PATH, and we have none there.
SCRIPTS = {
    "bash": """\
_complete_inv() {
  local words
  words=$("${COMP_WORDS[0]}" --complete -- inv "${COMP_WORDS[@]:1}" 2>/dev/null)
  COMPREPLY=($(compgen -W "$words" -- "$2"))
}
complete -o default -F _complete_inv inv""",
    "zsh": """\
_offered_by_inv() {
  reply=(${(f)"$("$1" --complete -- inv "${(@)argv[2,-1]}" 2>/dev/null)"})
}
_complete_inv() {
  local -a reply
  _offered_by_inv "${(@)words[1,CURRENT]}"
  if (( $#reply )); then compadd -a reply; else _files; fi
}
_complete_old_inv() {
  local -a typed
  read -cA typed
  _offered_by_inv "${(@)typed}"
}
if (( $+functions[compdef] )); then
  compdef _complete_inv inv
else
  compctl -K _complete_old_inv + -f inv ./inv
fi""",
    "fish": """\
function __complete_inv
    set -l typed (commandline --tokenize --cut-at-cursor --current-process)
    set -l current (commandline --current-token --cut-at-cursor)
    $typed[1] --complete -- inv $typed[2..] "$current" 2>/dev/null
end
complete --command inv --arguments '(__complete_inv)'""",
}


def offered(
    typed: str, tasks: Sequence[str], options: Mapping[str, Sequence[str]], core: Sequence[str]
) -> Iterator[str]:
    """Yield what may stand in place of the last word; nothing where files do.

    `typed` is the line behind `inv`, words with one space between them; `options` are each task's,
    `core` those before a task.
    """
    *before, last = typed.split(" ") or [""]
    task = next((word for word in before if word in options), "")
    if last.startswith("-"):
        yield from (name for name in options.get(task, core) if name.startswith(last))
    elif not task:
        yield from (name for name in tasks if name.startswith(last))
