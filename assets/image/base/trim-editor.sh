# Takes out of code-server what never runs here: 620 MB become 196.
set -eu
arch=$(node -p process.arch)
cd /opt/code-server
rm -f package-lock.json
find node_modules/argon2/prebuilds -mindepth 1 -maxdepth 1 ! -name "linux-$arch" -exec rm -rf {} +

cd node_modules/code-server/lib/vscode
# GitHub Copilot's extension and runtime: the agents here speak ACP.
rm -rf extensions/copilot node_modules/@github/copilot-sdk-linux-* node_modules/@microsoft/mxc-sdk/bin
# One ripgrep: Debian's.
rg=node_modules/@vscode/ripgrep-universal/bin
find $rg -mindepth 1 -maxdepth 1 ! -name "linux-$arch" -exec rm -rf {} +
ln -sf /usr/bin/rg "$rg/linux-$arch/rg"
# Native modules keep their .node; sources, objects and other platforms go.
# koffi/src stays: it holds the module's entry.
rm -rf node_modules/node-pty/third_party node_modules/*/deps node_modules/@vscode/*/deps \
  node_modules/@koromix/koffi-linux-*/musl_* node_modules/koffi/vendor node_modules/zod/src \
  node_modules/@microsoft/*/bundle node_modules/@microsoft/*/browser node_modules/@xterm/*/src
find . -mindepth 3 -type d -path '*/prebuilds/*' ! -name "linux-$arch*" -prune -exec rm -rf {} +
find . -path '*/build/Release/*' \( -name obj.target -o -name .deps -o -name '*.a' -o -name obj \) -prune -exec rm -rf {} +
find node_modules -type f \( -name '*.c' -o -name '*.cc' -o -name '*.cpp' -o -name '*.h' -o -name '*.hpp' \
  -o -name '*.o' -o -name '*.a' -o -name '*.gyp*' -o -name '*.pdb' -o -name '*.exe' -o -name '*.dll' \
  -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' -o -iname 'readme*' -o -iname 'changelog*' \) -delete
find /opt/code-server -type f -name '*.map' -delete
find /opt/code-server -path '*.js-debug' -prune -o -type f -name '*win32*.node' -exec rm -f {} +
# Identical files of the built-in extensions become links.
cd extensions
find . -type f -size +20k -exec sha1sum {} + | sort |
  awk '{ if ($1 == h) print p "\t" $2; else { h = $1; p = $2 } }' |
  while IFS="$(printf '\t')" read -r kept same; do ln -sfr "$kept" "$same"; done
