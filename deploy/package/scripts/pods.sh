# Removed under its pods, nothing would ever end their VMs and containers.
refuse_with_pods() {
	pods=$(kuasar-ctl list 2>/dev/null | sed 1d) || true
	if [ -n "$pods" ]; then
		echo "$DPKG_MAINTSCRIPT_PACKAGE: remove these pods first:" >&2
		echo "$pods" >&2
		exit 1
	fi
}
