# The shipped system: runtime packages only, trimmed, nothing setuid.
set -eu
printf 'path-exclude=/usr/share/%s/*\n' doc man info locale lintian groff linda > /etc/dpkg/dpkg.cfg.d/01trim
# Without systemd-standalone-sysusers, tmux and openssh-client bring in systemd.
# libnss-unknown gives every uid a name: a session may run as any of them.
sh /apt.sh systemd-standalone-sysusers libnss-unknown \
  ca-certificates git tmux ttyd zsh nodejs ripgrep python3 python3-venv \
  curl less procps openssh-client bash-completion make jq unzip xz-utils nano

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
  /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/groff \
  /usr/share/nodejs/*/docs /var/lib/dpkg/*-old /apt.sh /ca.crt /system.sh
find / -xdev -name __pycache__ -type d -prune -exec rm -rf {} +
find / -xdev -perm /6000 -exec chmod ug-s {} +
