import { KuasarError } from "../../lib/errors/mod.ts";
import { type Command, onlyPositional } from "./command.ts";

/** The completion script of a shell for these commands. @throws KuasarError for a shell we do not know */
export function completionScript(shell: string, commands: readonly Command[]): string {
  const names = commands.map((c) => c.name).join(" ");
  const flagsOf = (c: Command) => [...Object.keys(c.flags), "json", "run-dir", "help"].map((f) => `--${f}`);
  const ids = `kuasar-ctl list --json 2>/dev/null | sed -n 's/^    "id": "\\(.*\\)",\\{0,1\\}$/\\1/p'`;
  const cases = commands.map((c) => `    ${c.name}) words="${flagsOf(c).join(" ")}";;`).join("\n");
  switch (shell) {
    case "bash":
      return `_kuasar_ctl() {
  local words current="\${COMP_WORDS[COMP_CWORD]}"
  if [ "$COMP_CWORD" -eq 1 ]; then words="${names}"
  else case "\${COMP_WORDS[1]}" in
${cases}
    esac
    case "$current" in -*) ;; *) words="$words $(${ids})";; esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _kuasar_ctl kuasar-ctl
`;
    case "zsh":
      return `#compdef kuasar-ctl
autoload -U +X bashcompinit && bashcompinit
${completionScript("bash", commands)}`;
    case "fish":
      return commands.flatMap((c) => [
        `complete -c kuasar-ctl -f -n __fish_use_subcommand -a ${c.name} -d "${c.summary}"`,
        ...flagsOf(c).map((f) =>
          `complete -c kuasar-ctl -n "__fish_seen_subcommand_from ${c.name}" -l ${f.slice(2)}`
        ),
      ]).join("\n") + "\n";
    default:
      throw new KuasarError("INVALID_ARGUMENT", `Cannot complete for ${shell}: known are bash, zsh and fish`);
  }
}

/** The command that prints completion scripts for `commands`. */
export function completionFor(commands: () => readonly Command[]): Command {
  return {
    name: "completion",
    usage: "completion bash|zsh|fish",
    summary: "a completion script for a shell",
    flags: {},
    examples: [{ command: "source <(kuasar-ctl completion bash)", does: "For this shell" }],
    run(input) {
      console.log(completionScript(onlyPositional(input, "shell"), commands()));
      return Promise.resolve(0);
    },
  };
}
