# Takes out what never runs. The claude binary must not be stripped: its program
# is a payload behind the ELF.
set -eu
cd /opt/agents
rm -rf package-lock.json node_modules/@anthropic-ai/claude-agent-sdk-linux-*-musl
for v in node_modules/@openai/codex-linux-*/vendor/*; do
  rm -rf "$v/codex-resources/voice" # the host of realtime voice
  [ ! -e "$v/codex-path/rg" ] || ln -sf /usr/bin/rg "$v/codex-path/rg"
done
rm -rf node_modules/zod/src node_modules/@anthropic-ai/sdk/src
find node_modules -type f \( -name '*.map' -o -name '*.ts' -o -name '*.mts' -o -name '*.cts' \
  -o -iname 'readme*' -o -iname 'changelog*' \) -delete

cd /opt/npm
find lib/node_modules/npm -maxdepth 1 \( -name docs -o -name man \) -exec rm -rf {} +
find . -type f \( -name '*.map' -o -name '*.d.ts' \) -delete
