package flake

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// readSSHOptions takes options as ssh -o takes them. Arguments of ssh, as which
// colmena and deploy-rs have theirs, are taken for what they stand for: an
// option's name begins with no dash.
func readSSHOptions(to *[]string, v gjson.Result) error {
	var list []string
	if err := readList(&list, v, checkLine); err != nil {
		return err
	}
	options := []string{}
	for i := 0; i < len(list); i++ {
		word := list[i]
		joined, isOption := strings.CutPrefix(word, "-o")
		takes, known := sshArgument(word)
		switch {
		case !strings.HasPrefix(word, "-"):
			options = append(options, word)
		case isOption && joined != "":
			options = append(options, joined)
		case !known:
			return fmt.Errorf("(element %d) is %q, an argument of ssh: write what it stands for as ssh -o takes it, NAME=VALUE", i+1, word)
		case !strings.HasSuffix(takes, "=") && takes != "":
			options = append(options, takes)
		case i+1 == len(list) || strings.HasPrefix(list[i+1], "-"):
			return fmt.Errorf("(element %d) is %q, an argument of ssh that another has to follow", i+1, word)
		default:
			i++
			options = append(options, takes+list[i])
		}
	}
	*to = options
	return nil
}

// sshArgument is the option that an argument of ssh stands for; where that ends
// with = or is empty, the next argument belongs to it.
func sshArgument(word string) (option string, known bool) {
	switch word {
	case "-o":
		return "", true
	case "-p":
		return "Port=", true
	case "-l":
		return "User=", true
	case "-i":
		return "IdentityFile=", true
	case "-J":
		return "ProxyJump=", true
	case "-4":
		return "AddressFamily=inet", true
	case "-6":
		return "AddressFamily=inet6", true
	case "-A":
		return "ForwardAgent=yes", true
	case "-C":
		return "Compression=yes", true
	}
	return "", false
}
