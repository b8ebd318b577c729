# The sandbox's system: Debian packages only, trimmed, nothing setuid. Python's
# compiled modules stay: nobody can write them later.
set -eu
printf 'path-exclude=/usr/share/%s/*\n' doc man info locale lintian groff linda > /etc/dpkg/dpkg.cfg.d/01trim
sh /apt.sh ca-certificates bash coreutils \
  python3 python3-numpy python3-pandas python3-matplotlib python3-openpyxl python3-scipy \
  nodejs git procps curl jq zip unzip xz-utils file make libnss-myhostname
# Without a network the engine writes no /etc/hosts: localhost is found all the same.
sed -i 's/^hosts:.*/hosts: files myhostname dns/' /etc/nsswitch.conf
getent -s myhostname hosts localhost

echo 'sandbox:x:65532:65532::/tmp:/bin/bash' >> /etc/passwd
echo 'sandbox:x:65532:' >> /etc/group
ln -sf python3 /usr/bin/python
# An empty mount point that belongs to nobody.
install -d -m 755 /workspace

rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/*-old /var/cache/ldconfig/* /var/log/* \
  /usr/share/doc /usr/share/man /usr/share/info /usr/share/locale /usr/share/lintian /usr/share/groff \
  /usr/share/nodejs/*/docs /usr/share/matplotlib/sample_data /var/lib/dpkg/*-old /etc/*- /apt.sh /ca.crt /system.sh
find /usr/lib/python3 -path '*/tests' -type d -prune -exec rm -rf {} +
find / -xdev -perm /6000 -exec chmod ug-s {} +
for module in numpy pandas matplotlib.pyplot openpyxl scipy; do MPLCONFIGDIR=/tmp/matplotlib python3 -c "import $module"; done
rm -rf /tmp/*
