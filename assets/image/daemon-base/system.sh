# The daemon's system: git, by https and ssh, and an init that reaps what git
# leaves behind. Nothing is setuid.
set -eu
printf 'path-exclude=/usr/share/%s/*\n' doc man info locale lintian groff linda > /etc/dpkg/dpkg.cfg.d/01trim
sh /apt.sh ca-certificates git openssh-client tini

echo 'volundr:x:1000:1000::/data:/bin/sh' >> /etc/passwd
echo 'volundr:x:1000:' >> /etc/group
install -d -m 755 /data /etc/volundr

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
  /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/groff \
  /var/lib/dpkg/*-old /etc/*- /apt.sh /ca.crt /system.sh /tmp/*
find / -xdev -perm /6000 -exec chmod ug-s {} +
git --version && tini --version
