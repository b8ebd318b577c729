# Users, mount points and commands.
set -eu
# -o: libnss-unknown gives every uid a name, so none looks free.
groupadd -g 1000 volundr
useradd -o -M -u 1000 -g 1000 -d /home/volundr -s /bin/bash volundr
groupadd -g 900 volundr-broker
useradd -o -M -u 900 -g 900 -d /journal -s /usr/sbin/nologin volundr-broker

# Mount points are empty: what a home starts with lies in /etc/skel.
install -d -o 1000 -g 1000 -m 755 /workspace
install -d -o 1000 -g 1000 -m 755 /home/volundr
install -d -o 900 -g 900 -m 700 /journal
install -d -m 1777 /tmp

link() { ln -s "$1" "/usr/local/bin/$2"; }
link /usr/local/lib/node_modules/npm/bin/npm-cli.js npm
link /usr/local/lib/node_modules/npm/bin/npx-cli.js npx
link /opt/code-server/node_modules/code-server/out/node/entry.js code-server
link /opt/agents/node_modules/.bin/claude-agent-acp claude-agent-acp
link /opt/agents/node_modules/.bin/codex-acp codex-acp
link "$(echo /opt/agents/node_modules/@anthropic-ai/claude-agent-sdk-linux-*/claude)" claude
link "$(echo /opt/agents/node_modules/@openai/codex-linux-*/vendor/*/bin/codex)" codex
for c in npm code-server claude-agent-acp codex-acp claude codex; do test -x "/usr/local/bin/$c"; done

# Interactive shells tell of the commands that people run.
echo '. /etc/volundr/shell.bash' >> /etc/bash.bashrc
echo '. /etc/volundr/shell.zsh' >> /etc/zsh/zshrc
cat /tmp/ca.crt >> /etc/ssl/certs/ca-certificates.crt
rm -rf /tmp/* /var/log/* /etc/*-
