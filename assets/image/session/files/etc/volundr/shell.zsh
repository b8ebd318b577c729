# Sourced by interactive zsh: tells the session's watcher of each command line
# that ended, as shell.bash does. Prints nothing and forks nothing.
[[ -o interactive && ${VOLUNDR_PART-} != agent && -z ${__volundr_file-} ]] || return 0
zmodload zsh/datetime 2>/dev/null && autoload -Uz add-zsh-hook || return 0
typeset -g __volundr_file=~/.volundr/commands __volundr_where=terminal __volundr_t= __volundr_d= __volundr_c=
[[ ${VOLUNDR_PART-} == editor || ${TERM_PROGRAM-} == vscode ]] && __volundr_where=editor

__volundr_begin() {
  __volundr_t=
  [[ -o hist_ignore_space && $1 == ' '* ]] && return
  __volundr_t=${${EPOCHREALTIME//[^0-9]/}[1,16]} __volundr_d=$PWD __volundr_c=$1
}

__volundr_json() {
  emulate -L zsh
  local s=${1[1,4096]}
  s=${s//\\/\\\\} s=${s//\"/\\\"} s=${s//$'\n'/\\n} s=${s//$'\t'/\\t}
  REPLY=${s//[[:cntrl:]]/\\ufffd}
}

__volundr_end() {
  local rc=$? now=${${EPOCHREALTIME//[^0-9]/}[1,16]} REPLY c
  if [[ -n $__volundr_t && -n $__volundr_c && -d ${__volundr_file:h} ]]; then
    __volundr_json "$__volundr_c"; c=$REPLY
    __volundr_json "$__volundr_d"
    printf '{"t":%s,"us":%s,"rc":%d,"sh":"zsh","where":"%s","dir":"%s","cmd":"%s"}\n' \
      $__volundr_t $((now - __volundr_t)) $rc $__volundr_where "$REPLY" "$c" 2>/dev/null >>|$__volundr_file
  fi
  __volundr_t=
  return $rc
}
add-zsh-hook preexec __volundr_begin
add-zsh-hook precmd __volundr_end
precmd_functions=(__volundr_end ${precmd_functions:#__volundr_end})
