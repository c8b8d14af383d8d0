# Made by scripts/manual out of internal/usage: change it there, and run "make manual".
# Completes the commands and flags of umbrellad in bash.
_umbrellad() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} command='' words i
	case $before in
	-config | -token | -ca | -report | -original)
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-*) ;;
		discover) [ "$command" != cameras ] || command='cameras discover' ;;
		cameras | check | hash | health | help | kick | prepare | probe | rooms | status | token | trunks | version) [ -n "$command" ] || command=${COMP_WORDS[i]} ;;
		esac
	done
	case $command in
	'') words='-config -pause -original -h' ;;
	check) words='-config -h' ;;
	status) words='-config -json -url -token -ca -h' ;;
	rooms) words='-config -json -url -token -ca -h' ;;
	kick) words='-config -json -url -token -ca -h' ;;
	trunks) words='-config -json -url -token -ca -h' ;;
	cameras) words='-config -json -url -token -ca -h discover' ;;
	health) words='-config -url -ca -h' ;;
	cameras\ discover) words='-config -user -h' ;;
	probe) words='-config -report -h' ;;
	token) words='-config -room -name -rights -for -once -list -revoke -h' ;;
	hash) words='-config -h' ;;
	prepare) words='-config -h' ;;
	version) words='-config -h' ;;
	help) words='-config -h' ;;
	esac
	[ -n "$command" ] && [ "$command" != help ] || words+=' cameras check hash health help kick prepare probe rooms status token trunks version '
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -F _umbrellad umbrellad
