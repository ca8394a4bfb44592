#!/usr/bin/env bash
# Installs what the tests of the report's page need: install_browser.sh  (root, Debian or Ubuntu)
#
# Chromium with its driver, and axe-core (it is for these tests only, and comes from npm). Safe to
# call at any time: returns at once when all is there. The last lines of stdout are the paths:
# chromium, its driver, axe.min.js ("-" where npm or the registry cannot be had). All other talk
# goes to stderr.
set -euo pipefail
umask 022
export LC_ALL=C

version=4.10.3
cache=${XDG_CACHE_HOME:-$HOME/.cache}/hpo-tests
axe=$cache/axe-core-$version.min.js

say() { printf 'install_browser: %s\n' "$*" >&2; }

mkdir -p "$cache"
exec 9>"$cache/browser.lock"
flock -w 900 9 || { say "another install_browser.sh holds $cache/browser.lock"; exit 1; }

if ! command -v chromium >/dev/null || ! command -v chromedriver >/dev/null; then
    [[ $EUID -eq 0 && -e /etc/debian_version ]] || { say "needs root on Debian or Ubuntu"; exit 1; }
    say "installing chromium and chromium-driver"
    for attempt in {1..10}; do
        apt-get update -q >&2 9>&- && break
        say "apt-get update failed (attempt $attempt)"
        sleep 5
    done
    DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=600 install -yq \
        --no-install-recommends chromium chromium-driver >&2 9>&- </dev/null
fi

if [[ ! -s $axe ]]; then
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    if (cd "$work" && npm pack --silent "axe-core@$version" >&2 9>&- </dev/null) &&
        tar -xzf "$work"/axe-core-*.tgz -C "$work" package/axe.min.js; then
        mv "$work/package/axe.min.js" "$axe"
    else
        say "axe-core cannot be had: no npm, or no registry"
        axe=-
    fi
fi

command -v chromium
command -v chromedriver
printf '%s\n' "$axe"
