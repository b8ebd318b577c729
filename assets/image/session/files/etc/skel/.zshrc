# Yours to change. A line that begins with a space is kept out of the history,
# and out of the session's timeline.
setopt hist_ignore_space
PROMPT='%~ %# '
