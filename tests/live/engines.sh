#!/bin/sh
# Several real Docker engines and a registry side by side, for the live tests.
#
#   engines.sh up NAME...                fetch, unpack, start, seed; does nothing where done
#   engines.sh down [--purge] [NAME...]  stop; data stays unless purged
#   engines.sh status [NAME...]          name, state, version, API, address, socket
#   engines.sh restart NAME              stop and start the daemon alone
#   engines.sh kill NAME                 SIGKILL the daemon alone, as a crash would
#   engines.sh socket NAME               the engine's address, for DOCKER_HOST
#   engines.sh names                     the names there are
#   engines.sh compose                   fetch Compose, for BAYPLAN_COMPOSE; where it is
#
# Names: docker20 docker26 docker28 docker28c (containerd image store) registry
#
# The live tests on another engine than the machine's own:
#
#   sudo tests/live/engines.sh up docker28
#   DOCKER_HOST=$(tests/live/engines.sh socket docker28) cargo test --locked --test live
#
# Needs: root, apt with a Debian mirror, iproute2, util-linux, curl. Touches
# nothing of a Docker that is installed: each engine is unpacked from Debian's
# packages with all their libraries into a root of its own and runs there in
# its own mount, pid and network namespace. Those networks meet in a bridge of
# a namespace of its own; the host is 10.213.0.1 there, so a published port is
# reached at the engine's address (`status` tells it). Of the host's files an
# engine sees /tmp, the home, this folder's parent and those in ENGINES_BIND, at
# the paths they have on the host: bind mounts of those work as usual.
#
# ENGINES_HOME says where all of it lives (default: engine-lab under TMPDIR).
set -eu
umask 022

H=${ENGINES_HOME:-${TMPDIR:-/tmp}/engine-lab}
# The mirror this machine's own apt uses, unless told otherwise.
MIRROR=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(SITE)' 2>/dev/null | grep -m1 '/debian/*$' || true)}
NET=10.213.0
NAMES="docker20 docker26 docker28 docker28c registry"

die() { echo "engines: $*" >&2; exit 1; }
say() { echo "engines: $*" >&2; }

# what NAME: its suite, its packages, its number in the network
what() {
	store=var/lib/docker
	case $1 in
	docker20)  suite=bookworm pkgs="docker.io" n=20 ;;
	docker26)  suite=trixie   pkgs="docker.io" n=26 ;;
	docker28)  suite=sid      pkgs="docker.io" n=28 ;;
	docker28c) suite=sid      pkgs="docker.io" n=29 ;;
	registry)  suite=bookworm-registry pkgs="docker-registry" n=50 ;;
	*) die "no engine $1 (there are: $NAMES)" ;;
	esac
	dir=$H/$1 root=$H/roots/$suite sock=$H/$1/engine.sock addr=$NET.$n
}

# ---- roots: Debian's packages and all they depend on, unpacked, not installed
unpack() {
	[ -e "$root/.complete" ] && return
	a=$H/apt/$suite
	mkdir -p "$a/lists/partial" "$a/cache/archives/partial"
	echo "deb [trusted=yes] $MIRROR ${suite%%-*} main" >"$a/sources.list"
	: >"$a/status"
	apt="apt-get -q -o Dir::Etc::sourcelist=$a/sources.list -o Dir::Etc::sourceparts=/dev/null
		-o Dir::State::Lists=$a/lists -o Dir::State::status=$a/status -o Dir::Cache=$a/cache
		-o APT::Install-Recommends=false -o APT::Sandbox::User=root -o Acquire::Languages=none"
	say "fetching $pkgs from ${suite%%-*}"
	$apt update >"$a/log" 2>&1 || die "apt-get update failed, see $a/log"
	# an empty status file makes apt fetch the whole closure, libc included
	$apt -y --download-only install $pkgs tini busybox-static netbase procps >>"$a/log" 2>&1 ||
		die "apt-get download failed, see $a/log"
	rm -rf "$root.part"
	mkdir -p "$root.part/usr/bin" "$root.part/usr/sbin" "$root.part/usr/lib" "$root.part/usr/lib64"
	for d in bin sbin lib lib64; do ln -s usr/$d "$root.part/$d"; done
	for deb in "$a"/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root.part"
	done
	(
		cd "$root.part"
		mkdir -p proc sys dev run tmp etc/docker var/tmp var/lib/docker root .old
		mkdir -p srv/lab/data srv/lab/conf # something that every engine can bind
		echo lab >srv/lab/file
		chmod 1777 tmp var/tmp
		ln -sfn ../run var/run
		[ -e usr/bin/busybox ] || mv bin/busybox usr/bin/
		# what update-alternatives would have done
		for t in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
			[ ! -e usr/sbin/xtables-nft-multi ] || ln -sfn xtables-nft-multi usr/sbin/$t
		done
		for t in sh mount umount modprobe; do [ -e usr/bin/$t ] || ln -s busybox usr/bin/$t; done
		echo root:x:0:0::/root:/bin/sh >etc/passwd
		printf 'root:x:0:\n' >etc/group
		printf 'dockremap:100000:65536\n' | tee etc/subuid >etc/subgid
		printf '127.0.0.1 localhost\n%s registry.lab\n' "$NET.50" >etc/hosts
		: >etc/resolv.conf
		: >etc/machine-id
	)
	touch "$root.part/.complete"
	rm -rf "$root"
	mv "$root.part" "$root"
	rm -rf "$a"
}

# ---- networks: one namespace for each engine, wired in a namespace with a bridge
plug() { # plug NETNS INTERFACE ADDRESS; NETNS "" is the host's
	x=${1:+-n $1}
	ip $x link show "$2" >/dev/null 2>&1 || {
		ip -n lab-switch link del "$2" 2>/dev/null || true
		ip -n lab-switch link add "$2" type veth peer name lab-peer
		ip -n lab-switch link set "$2" master lab0 up
		if [ "$1" ]; then ip -n lab-switch link set lab-peer netns "$1"
		else ip -n lab-switch link set lab-peer netns $$; fi
		ip $x link set lab-peer name "$2"
		ip $x addr add "$3/24" dev "$2"
		ip $x link set "$2" up
	}
}
wire() {
	ip netns list | grep -qw lab-switch || {
		ip netns add lab-switch
		ip -n lab-switch link add lab0 type bridge
		ip -n lab-switch link set lab0 up
	}
	plug "" lab-host $NET.1
	ip netns list | grep -qw "lab-$1" || ip netns add "lab-$1"
	ip -n "lab-$1" link set lo up
	plug "lab-$1" "lab-$n" "$addr"
	ip -n "lab-$1" route replace default via $NET.1
}

# ---- the namespaces' first process: it holds them, reaps orphans, and takes
# every process in them along when it ends
hold() {
	alive "$dir/ns.pid" && return
	mkdir -p "$dir/data" "$dir/etc"
	rm -f "$sock"
	setsid nsenter --net="/run/netns/lab-$1" \
		unshare --mount --uts --propagation private --pid --fork --kill-child \
		sh -eu "$self" inside "$1" >"$dir/ns.log" 2>&1 </dev/null 9>&- &
	for _ in $(seq 100); do
		p=$(pgrep -P $! 2>/dev/null || true)
		[ "$p" ] && [ "$(cat "/proc/$p/comm" 2>/dev/null)" = tini ] && break
		sleep 0.1
	done
	[ "$p" ] && [ "$(cat "/proc/$p/comm" 2>/dev/null)" = tini ] || die "no namespaces for $1, see $dir/ns.log"
	echo "$p" >"$dir/ns.pid"
}
inside() {
	mount --bind "$root" "$root"
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
	mount --rbind /dev "$root/dev"
	mount -t tmpfs -o mode=755 tmpfs "$root/run"
	mount -t tmpfs -o mode=1777 tmpfs "$root/var/tmp"
	for d in /tmp "${HOME:-/root}" "$H" "${self%/*/*}" ${ENGINES_BIND:-}; do
		[ -e "$root$d/.." ] && mountpoint -q "$root$d" && continue
		mkdir -p "$root$d"
		mount --rbind "$d" "$root$d"
	done
	mount --bind "$dir/etc" "$root/etc/docker"
	mount --bind "$dir/data" "$root/$store"
	echo "$1" >/proc/sys/kernel/hostname
	cd "$root"
	pivot_root . .old
	cd /
	export PATH=/usr/sbin:/usr/bin:/sbin:/bin
	/usr/bin/busybox umount -l /.old
	/usr/bin/busybox mount --make-rshared /
	exec /usr/bin/tini -- /usr/bin/busybox sleep 2147483647
}
alive() { [ -s "$1" ] && kill -0 "$(cat "$1")" 2>/dev/null; }

# ---- daemons
start() {
	alive "$dir/daemon.pid" && return
	rm -f "$sock"
	args="--host unix://$sock --insecure-registry registry.lab:5000 --insecure-registry $NET.0/24"
	case $1 in
	docker28c) echo '{"features":{"containerd-snapshotter":true}}' >"$dir/etc/daemon.json" ;;
	esac
	[ ! -s "$dir/daemon.args" ] || args="$args $(cat "$dir/daemon.args")" # a caller's own flags
	case $1 in
	docker*) set -- /usr/sbin/dockerd $args ;;
	registry)
		printf 'version: 0.1\nstorage: {filesystem: {rootdirectory: %s}, delete: {enabled: true}}\nhttp: {addr: ":5000"}\nlog: {level: warn}\n' \
			"/$store" >"$dir/etc/config.yml"
		set -- /usr/bin/docker-registry serve /etc/docker/config.yml ;;
	esac
	[ "$suite" != sid ] || devices
	ns=$(cat "$dir/ns.pid")
	setsid env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root \
		nsenter -t "$ns" --mount --uts --net --pid "$@" >>"$dir/daemon.log" 2>&1 </dev/null 9>&- &
	outer=$!
	for _ in $(seq 50); do
		p=$(pgrep -P $outer || true); [ "$p" ] && break; sleep 0.1
	done
	echo "$p" >"$dir/daemon.pid"
}
# devices by name, of the Container Device Interface: the null device under other names
devices() {
	mkdir -p "$root/etc/cdi"
	for d in one two; do
		printf '{"name":"%s","containerEdits":{"deviceNodes":[{"path":"/dev/lab-%s","hostPath":"/dev/null"}]}}\n' $d $d
	done | paste -sd, | sed 's|.*|{"cdiVersion":"0.5.0","kind":"lab.example/thing","devices":[&]}|' \
		>"$root/etc/cdi/lab.json"
}
ping() {
	case $1 in
	registry) curl -fsS --noproxy '*' -m 5 "http://$addr:5000/v2/" ;;
	*) curl -fsS -m 5 --unix-socket "$sock" http://engine/_ping ;;
	esac
}
await() {
	for _ in $(seq 120); do
		ping "$1" >/dev/null 2>&1 && return
		alive "$dir/daemon.pid" || die "$1 ended, see $dir/daemon.log"
		sleep 0.5
	done
	die "$1 gives no answer, see $dir/daemon.log"
}
halt() { # halt SIGNAL
	alive "$dir/daemon.pid" || return 0
	p=$(cat "$dir/daemon.pid")
	kill "-$1" "$p" 2>/dev/null || true
	for _ in $(seq 60); do kill -0 "$p" 2>/dev/null || break; sleep 0.5; done
	rm -f "$dir/daemon.pid"
}
seed() { # a small base image, bb:1, out of a static busybox: no registry is within reach
	[ "$1" != registry ] || return 0
	a=http://engine
	[ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$sock" $a/images/bb:1/json)" != 200 ] || return 0
	t=$(mktemp -d)
	mkdir -p "$t/bin" "$t/etc" "$t/tmp" "$t/root"
	cp "$root/usr/bin/busybox" "$t/bin/"
	for l in $("$t/bin/busybox" --list); do [ "$l" = busybox ] || ln "$t/bin/busybox" "$t/bin/$l"; done
	echo root:x:0:0::/root:/bin/sh >"$t/etc/passwd"
	echo root:x:0: >"$t/etc/group"
	tar -C "$t" -c . | curl -fsS --unix-socket "$sock" -X POST -H 'Content-Type: application/x-tar' \
		--data-binary @- "$a/images/create?fromSrc=-&repo=bb&tag=1" >/dev/null
	rm -rf "$t"
}

up() {
	what "$1"
	mkdir -p "$H/roots"
	(
		flock 9
		unpack
		wire "$1"
		hold "$1"
		start "$1"
	) 9>"$H/lock"
	await "$1"
	seed "$1"
}
down() {
	what "$1"
	halt TERM
	if alive "$dir/ns.pid"; then
		p=$(cat "$dir/ns.pid")
		kill -KILL "$p" 2>/dev/null || true
		for _ in $(seq 50); do kill -0 "$p" 2>/dev/null || break; sleep 0.1; done
	fi
	rm -f "$dir/ns.pid" "$sock"
	ip netns del "lab-$1" 2>/dev/null || true
	[ -z "$purge" ] || rm -rf "$dir"
	# the last one out takes the bridge along
	ip netns list | grep -w -v lab-switch | grep -q '^lab-' || {
		ip link del lab-host 2>/dev/null || true
		ip netns del lab-switch 2>/dev/null || true
	}
}
status() {
	what "$1"
	s=down v=-
	if alive "$dir/daemon.pid"; then
		s=unwell
		ping "$1" >/dev/null 2>&1 && s=up
		v=$(curl -s -m 5 --unix-socket "$sock" http://engine/version 2>/dev/null |
			sed -n 's/.*"Version":"\([^"]*\)","ApiVersion":"\([^"]*\)".*/\1 API \2/p' || true)
		[ "$v" ] || v=$(curl -s -m 5 --unix-socket "$sock" http://engine/version 2>/dev/null |
			sed -n 's/.*"ApiVersion":"\([^"]*\)".*/API \1/p' || true)
	fi
	w=unix://$sock
	[ "$1" != registry ] || w=registry.lab:5000
	echo "$1 $s ${v:--} $addr $w"
}

# ---- Debian's newest Compose, which needs nothing but libc
compose() {
	c=$H/compose a=$H/apt/compose
	[ -x "$c/docker-compose" ] || {
		mkdir -p "$c" "$a/lists/partial" "$a/cache/archives/partial"
		echo "deb [trusted=yes] $MIRROR sid main" >"$a/sources.list"
		: >"$a/status"
		apt="apt-get -q -o Dir::Etc::sourcelist=$a/sources.list -o Dir::Etc::sourceparts=/dev/null
			-o Dir::State::Lists=$a/lists -o Dir::State::status=$a/status -o Dir::Cache=$a/cache
			-o APT::Sandbox::User=root -o Acquire::Languages=none"
		say "fetching docker-compose from sid"
		$apt update >"$a/log" 2>&1 || die "apt-get update failed, see $a/log"
		(cd "$a" && $apt download docker-compose >>"$a/log" 2>&1) || die "apt-get download failed, see $a/log"
		dpkg-deb -x "$a"/docker-compose_*.deb "$a/root"
		cp "$(find "$a/root" -type f -name docker-compose | head -1)" "$c/docker-compose"
		rm -rf "$a"
	}
	echo "$c/docker-compose"
}

self=$(readlink -f "$0")
purge=
verb=${1:-status}
[ $# = 0 ] || shift
[ "${1:-}" != --purge ] || { purge=1; shift; }
mkdir -p "$H"
H=$(readlink -f "$H")
export ENGINES_HOME=$H
case $verb in
up) [ $# -gt 0 ] || die "up which? ($NAMES)"; for e; do up "$e"; done ;;
down) for e in ${*:-$NAMES}; do down "$e"; done ;;
status) for e in ${*:-$NAMES}; do status "$e"; done ;;
restart) what "$1"; halt TERM; start "$1"; await "$1" ;;
kill) what "$1"; halt KILL ;;
socket) what "$1"; echo "unix://$sock" ;;
names) echo $NAMES ;;
compose) compose ;;
inside) what "$1"; inside "$1" ;;
*) sed -n '2,/^$/s/^# \{0,1\}//p' "$self"; exit 2 ;;
esac
