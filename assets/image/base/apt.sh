# Installs the named packages, from DEBIAN_MIRROR when it is set.
set -eu
if [ -n "${DEBIAN_MIRROR-}" ]; then
  rm -f /etc/apt/sources.list.d/debian.sources
  echo "deb $DEBIAN_MIRROR forky main" > /etc/apt/sources.list
fi
# A base without ca-certificates verifies an https mirror by the given bundle.
[ ! -s /ca.crt ] || echo 'Acquire::https::CAInfo "/ca.crt";' > /etc/apt/apt.conf.d/50ca
export DEBIAN_FRONTEND=noninteractive
# A mirror's snapshot of testing can be older than its own validity date. The
# signatures are checked all the same; only the date is let pass, and said so.
apt-get update -q -o APT::Update::Error-Mode=any || {
  echo "The mirror's index is out of date or failed: trying again without its date."
  apt-get update -q -o APT::Update::Error-Mode=any -o Acquire::Check-Valid-Until=false
}
apt-get install -y -qq --no-install-recommends "$@"
rm -f /etc/apt/apt.conf.d/50ca
