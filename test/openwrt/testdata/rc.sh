# Stands in for rc.common, functions.sh, procd.sh and jshn.sh of OpenWrt: it writes
# into $RECORD what the init script asks of them, and does what $ACTION says.

record() {
	line="$1"
	shift
	for word; do line="$line [$word]"; done
	printf '%s\n' "$line" >>"$RECORD"
}
for name in procd_open_instance procd_close_instance procd_set_param procd_add_jail procd_add_jail_mount \
	procd_add_jail_mount_rw procd_add_mdns_service procd_open_data procd_close_data \
	procd_add_reload_trigger procd_add_raw_trigger procd_set_config_changed logger chown \
	json_add_object json_close_object json_add_array json_close_array json_add_string; do
	eval "$name() { record $name \"\$@\"; }"
done
procd_running() { [ "$1:$RUNNING" = umbrella:1 ]; }
# What a node on the bus answers; without $ON_BUS there is none, and with
# $COMES_UP it is there once procd has started it.
ubus() {
	record ubus "$@"
	case "$*" in
	"-t 20 wait_for umbrella")
		[ -n "$COMES_UP" ] || return 7
		RUNNING=1 ON_BUS=1
		;;
	"-t 30 call umbrella reload")
		[ -n "$ON_BUS" ] && [ -n "$RUNNING" ] || return 4
		cp "$RUN/umbrella" "$RUN/../asked"
		printf '{\n\t"problem": "%s"\n}\n' "$TEST_PROBLEM"
		;;
	esac
}
jsonfilter() {
	[ "$1 $3 $4" = "-s -e @.problem" ] || exit 6
	printf '%s\n' "$2" | sed -n 's/^\t"problem": "\(.*\)"$/\1/p'
}

# As there, what one load has set shows through the next, and what `uci set` has
# changed is added to a package of that name wherever it is.
config_load() {
	sections=
	[ -e "${UCI_CONFIG_DIR:-$TEST_CONFIG}/$1" ] || return 0
	cat "${UCI_CONFIG_DIR:-$TEST_CONFIG}/$1" >"$RECORD.loaded"
	[ ! -e "$TEST_CONFIG/.uci/$1" ] || cat "$TEST_CONFIG/.uci/$1" >>"$RECORD.loaded"
	while read -r word rest; do
		case "$word" in
		config)
			eval "set -- $rest"
			section="$2"
			sections="$sections $1:$section"
			;;
		option)
			eval "set -- $rest"
			eval "config_${section}_$1=\$2"
			;;
		esac
	done <"$RECORD.loaded"
}
config_get() { eval "$1=\"\${config_$2_$3:-\$4}\""; }
config_get_bool() {
	config_get "$@"
	eval "tmp=\$$1"
	case "$tmp" in
	1 | on | true | yes | enabled) tmp=1 ;;
	0 | off | false | no | disabled) tmp=0 ;;
	*) tmp="$4" ;;
	esac
	eval "$1=$tmp"
}
config_foreach() {
	callback="$1" type="$2"
	shift 2
	for section in $sections; do
		[ "${section%%:*}" != "$type" ] || "$callback" "${section#*:}" "$@"
	done
}
# What belongs to whoever runs the tests is root's here.
find() {
	case "$*" in
	*" -maxdepth 0 -user root") set -- "$1" -maxdepth 0 '(' -user root -o -user "$(id -un)" ')' ;;
	esac
	command find "$@"
}
readlink() {
	if [ "$2" = /etc/resolv.conf ]; then
		echo "$TEST_RESOLV"
	else
		command readlink "$@"
	fi
}

# shellcheck source=openwrt/files/umbrella.init
. "$SCRIPT"
[ "$PROG $SETTINGS $RUN" = "/usr/sbin/umbrellad /etc/config/umbrella /var/run/umbrella" ] || exit 9
[ "$CAPABILITIES $UJAIL" = "/etc/capabilities/umbrella.json /sbin/ujail" ] || exit 8
[ "$USE_PROCD" = 1 ] && [ "$START" -gt 20 ] && [ "$STOP" -gt 0 ] || exit 7
PROG="$TEST_PROG" SETTINGS="$TEST_CONFIG/umbrella" RUN="$TEST_RUN"
CAPABILITIES="$TEST_CAPABILITIES" UJAIL="$TEST_UJAIL"
[ "$HOSTS $LEASED" = "/etc/hosts /tmp/resolv.conf.d/resolv.conf.auto" ] || exit 6
HOSTS="$TEST_HOSTS" LEASED="$TEST_LEASED"

# As in rc.common, where the status is that of what is done last.
start() {
	record start
	start_service
	if type service_started >/dev/null 2>&1; then
		service_started
	fi
}
reload() {
	if type reload_service >/dev/null 2>&1; then
		reload_service
	else
		start
	fi
}
case "$ACTION" in
start) start ;;
reload) reload ;;
stopped) service_stopped ;;
triggers) service_triggers ;;
esac
