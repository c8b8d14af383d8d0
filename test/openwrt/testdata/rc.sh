# Stands in for rc.common, procd.sh and jshn.sh of OpenWrt: it writes into $RECORD what
# the init script asks of them, and does what $ACTION says.

record() {
	line="$1"
	shift
	for word; do line="$line [$word]"; done
	printf '%s\n' "$line" >>"$RECORD"
}
for name in procd_open_instance procd_close_instance procd_set_param procd_add_jail procd_add_jail_mount \
	procd_add_jail_mount_rw procd_add_mdns_service procd_open_data procd_close_data \
	procd_add_reload_trigger procd_add_raw_trigger procd_set_config_changed logger \
	json_add_object json_close_object json_add_array json_close_array json_add_string; do
	eval "$name() { record $name \"\$@\"; }"
done

# shellcheck source=openwrt/files/umbrella.init
. "$SCRIPT"
[ "$PROG $RUN" = "/usr/sbin/umbrellad /var/run/umbrella" ] || exit 9
[ "$CAPABILITIES" = /etc/capabilities/umbrella.json ] || exit 8
[ "$USE_PROCD" = 1 ] && [ "$START" -gt 20 ] && [ "$STOP" -gt 0 ] || exit 7
PROG="$TEST_PROG" RUN="$TEST_RUN" CAPABILITIES="$TEST_CAPABILITIES"
export RUN

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
