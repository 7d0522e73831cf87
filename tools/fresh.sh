#!/usr/bin/env bash
# Both commands of the README in an empty Debian 12: debootstrap makes a minimal root, git and make go into it with a clone of this tree's
# HEAD, and `make demo` and `make test` run there. Needs root (debootstrap, chroot). MYELIN_FRESH_ROOT names the folder to use.
set -euo pipefail
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "error: make fresh needs root for debootstrap and chroot" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "fresh: installing debootstrap"; apt-get install -y --no-install-recommends debootstrap >/dev/null; }
root="${MYELIN_FRESH_ROOT:-$(mktemp -d /var/tmp/myelin-fresh.XXXXXX)}"
cleanup() {
  umount -l "$root/proc" "$root/dev/pts" "$root/dev" 2>/dev/null || :
  [ -n "${MYELIN_FRESH_KEEP:-}" ] || rm -rf --one-file-system "$root"
}
trap cleanup EXIT
echo "fresh: a minimal Debian 12 in $root"
debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" >"$root.log" 2>&1 || { tail -n 10 "$root.log" >&2; exit 1; }
# The package lists are this machine's own Debian ones, with the security updates.
for list in /etc/apt/sources.list /etc/apt/sources.list.d/debian.sources; do
  if [ -f "$list" ]; then cp "$list" "$root$list"; fi
done
# What this machine needs to reach the package registries, a fresh one has from its owner: certificates, proxies, resolver.
cp /etc/resolv.conf "$root/etc/resolv.conf"
cp -r /usr/local/share/ca-certificates "$root/usr/local/share/" 2>/dev/null || :
cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
for file in /etc/pip.conf "$HOME/.npmrc" "$HOME/.cargo/config.toml" /etc/apt/apt.conf.d/*proxy*; do
  [ -f "$file" ] && install -D "$file" "$root${file/#$HOME//root}"
done
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts"
mount -t proc proc "$root/proc"
git clone --quiet . "$root/root/myelin"
proxies=$(env | grep -iE '^(https?_proxy|no_proxy|pip_[a-z_]*|goproxy|gosumdb|goflags|cargo_[a-z_]*|ssl_cert_file)=' || :)
inside() {
  chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin TERM=dumb LANG=C.UTF-8 \
    ${proxies:+$(printf '%s ' $proxies)} bash -c "cd /root/myelin && $*"
}
for command in "make demo" "make test"; do
  echo "fresh: $command"
  begin=$(date +%s)
  inside "$command"
  echo "fresh: $command passed in $(( $(date +%s) - begin )) s"
done
