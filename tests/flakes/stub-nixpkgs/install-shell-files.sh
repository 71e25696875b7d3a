# The functions of nixpkgs' installShellFiles, for files named as theirs are.

installManPage() {
	for page; do
		install -D -m 644 "$page" "$out/share/man/man${page##*.}/${page##*/}"
	done
}

installShellCompletion() {
	for script; do
		name=${script##*/}
		case $script in
		*.bash) install -D -m 644 "$script" "$out/share/bash-completion/completions/$name" ;;
		*.zsh) install -D -m 644 "$script" "$out/share/zsh/site-functions/_${name%.zsh}" ;;
		*.fish) install -D -m 644 "$script" "$out/share/fish/vendor_completions.d/$name" ;;
		*) return 1 ;;
		esac
	done
}
