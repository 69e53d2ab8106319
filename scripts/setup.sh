#!/usr/bin/env bash
# Checks what the tests need beside Go: Node >= 20, PostgreSQL's server programs,
# Chromium, an SSH server, a mail server, git, curl, openssl, and a C compiler for the race detector. Installs
# what is missing where it runs as root on Debian or Ubuntu; elsewhere says in one line each what to
# install. Running it again does nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

NODE_PACKAGE_VERSION=22

have() { command -v "$1" >/dev/null 2>&1; }

have_node() {
  have node && have npm &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'
}

have_postgres() {
  have postgres && have initdb && return 0
  local dir
  for dir in /usr/lib/postgresql/*/bin /usr/local/opt/postgresql*/bin /opt/homebrew/opt/postgresql*/bin; do
    [ -x "$dir/postgres" ] && [ -x "$dir/initdb" ] && return 0
  done
  have pg_config && [ -x "$(pg_config --bindir)/postgres" ]
}

have_chromium() {
  [ -n "${CHROMIUM:-}" ] && [ -x "$CHROMIUM" ] && return 0
  have chromium || have chromium-browser || have google-chrome
}

# As root the server wants a directory that is gone after a restart of the machine.
have_sshd() {
  have ssh && have ssh-keygen && { have sshd || [ -x /usr/sbin/sshd ] || [ -x /usr/local/sbin/sshd ]; } || return 1
  [ "$(id -u)" != 0 ] || [ -d /run/sshd ] || mkdir -m 755 /run/sshd
}

have_git() { have git; }

have_smtpd() { have aiosmtpd; }

have_signer() { have curl && have openssl; }

have_compiler() { have gcc || have clang || have cc; }

can_apt() { [ "$(id -u)" = 0 ] && have apt-get && [ -e /etc/debian_version ]; }

apt_updated=
apt_install() {
  if [ -z "$apt_updated" ]; then
    apt-get update -qq
    apt_updated=yes
  fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

install_postgres() {
  # The tests start a private server of their own: no system cluster is wanted.
  apt_install postgresql-common
  mkdir -p /etc/postgresql-common
  if ! grep -q '^create_main_cluster' /etc/postgresql-common/createcluster.conf 2>/dev/null; then
    echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
  fi
  apt_install postgresql
}

# Debian's Node may be too old; then its npm fetches a newer one beside the checkout.
install_node() {
  apt_install nodejs npm
  have_node && return 0
  case "$(uname -m)" in
    x86_64) arch=x64 ;;
    aarch64) arch=arm64 ;;
    *) return 0 ;;
  esac
  npm install --silent --no-save --prefix .tools/node-package "node-linux-$arch@$NODE_PACKAGE_VERSION"
  mkdir -p .tools/node/bin
  ln -sf "$PWD/.tools/node-package/node_modules/node-linux-$arch/bin/node" .tools/node/bin/node
  PATH="$PWD/.tools/node/bin:$PATH"
  hash -r
}

missing=0
need() { # check, installer, what to say
  "$1" && return 0
  if can_apt; then
    echo "setup: installing $3"
    "$2" || true
    hash -r
    "$1" && return 0
  fi
  echo "setup: missing $3: $4"
  missing=1
}

install_chromium() { apt_install chromium; }
install_compiler() { apt_install gcc libc6-dev; }
install_git() { apt_install git; }
install_smtpd() { apt_install python3-aiosmtpd; }
install_signer() { apt_install curl openssl; }

# The tests start a server of their own: none is to be started by its package, which
# a system in single-user mode does not do.
install_sshd() { RUNLEVEL=1 apt_install openssh-server openssh-client; }

have go || { echo "setup: missing Go: install Go 1.26 or newer"; exit 1; }
need have_node install_node "Node.js >= 20.19" "install it from your system's packages or with a version manager"
need have_postgres install_postgres "PostgreSQL's server programs" "install PostgreSQL 14 or newer (Debian: postgresql, macOS: brew install postgresql@17)"
need have_chromium install_chromium "Chromium" "install it, or set CHROMIUM to the path of a Chromium or Chrome"
need have_compiler install_compiler "a C compiler (for go test -race)" "install gcc or clang"
need have_sshd install_sshd "an SSH server" "install OpenSSH (Debian: openssh-server; macOS has it)"
need have_git install_git "git" "install it from your system's packages"
need have_signer install_signer "curl and openssl" "install them from your system's packages"
need have_smtpd install_smtpd "aiosmtpd, a mail server" "install it (pip install aiosmtpd)"
exit "$missing"
