# Sourced by interactive bash: tells the session's watcher of each command line
# that ended, with its folder, duration and exit code. Prints nothing, and forks
# nothing (before bash 5.3: once a command). What is kept out of the history by
# a leading space or HISTIGNORE is not told. Shells of the agent do not tell:
# its tool calls do.
case $- in *i*) ;; *) return 0 ;; esac
[[ ${VOLUNDR_PART-} != agent && -z ${__volundr_file-} && ${BASH_VERSINFO[0]} -ge 5 ]] || return 0
__volundr_file=~/.volundr/commands
__volundr_where=terminal __volundr_d=$PWD
[[ ${VOLUNDR_PART-} == editor || ${TERM_PROGRAM-} == vscode ]] && __volundr_where=editor

# Expanded in this very shell after a line was read and before it runs. Only
# arithmetic, for a command would set off the DEBUG trap of VS Code.
__volundr_k=1 __volundr_y=('')
PS0='${__volundr_x[__volundr_t=${EPOCHREALTIME//[!0-9]/},__volundr_k+=1,0]:-}'${PS0-}
if ((BASH_VERSINFO[0] > 5 || BASH_VERSINFO[1] >= 3)); then
  # A user's .bashrc may have set PROMPT_COMMAND anew: __volundr_end did not run
  # since the last line then. VS Code keeps what it found.
  __volundr_mend() {
    if declare -F __vsc_prompt_cmd_original >/dev/null; then
      __vsc_original_prompt_command="__volundr_end${__vsc_original_prompt_command:+;$__vsc_original_prompt_command}"
      PROMPT_COMMAND=__vsc_prompt_cmd_original
    else
      PROMPT_COMMAND="__volundr_end${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
    fi
    REPLY=
  }
  PS0+='${__volundr_y[__volundr_k>1]-${| __volundr_mend; }}'
  eval '__volundr_last() { h=${ HISTTIMEFORMAT= builtin history 1; }; }'
else
  __volundr_last() { h=$(HISTTIMEFORMAT= builtin history 1); }
fi

__volundr_json() {
  local s=${1:0:4096}
  s=${s//\\/\\\\} s=${s//\"/\\\"} s=${s//$'\n'/\\n} s=${s//$'\t'/\\t}
  printf -v "$2" %s "${s//[[:cntrl:]]/\\ufffd}"
}

__volundr_end() {
  local rc=$? now=${EPOCHREALTIME//[!0-9]/} h c d n='\!'
  n=${n@P} # the history's number: it grows with a line that is kept
  if [[ -n ${__volundr_t-} && $n != "${__volundr_n-}" && -d ${__volundr_file%/*} ]]; then
    __volundr_last
    h=${h#"${h%%[![:space:]]*}"} h=${h#"${h%%[!0-9]*}"} h=${h#'*'} h=${h#' '}
    __volundr_json "${h#' '}" c
    __volundr_json "${__volundr_d-}" d
    printf '{"t":%s,"us":%s,"rc":%d,"sh":"bash","where":"%s","dir":"%s","cmd":"%s"}\n' \
      "$__volundr_t" "$((now - __volundr_t))" "$rc" "$__volundr_where" "$d" "$c" 2>/dev/null >>"$__volundr_file"
  fi
  [[ -n ${__volundr_n-} || $n != 1 ]] || n=0 # an empty history counts like one of one line
  __volundr_t= __volundr_k=0 __volundr_n=$n __volundr_d=$PWD
  # A line that repeats the one before has to be told from one that is hidden.
  if [[ ${HISTCONTROL-} == *@(ignoreboth|dups)* ]]; then
    HISTCONTROL=${HISTCONTROL//ignoreboth/ignorespace}
    HISTCONTROL=${HISTCONTROL//ignoredups/} HISTCONTROL=${HISTCONTROL//erasedups/}
  fi
  return $rc
}
PROMPT_COMMAND="__volundr_end${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
