package document

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"flakeops/activate/wire"
	"flakeops/flake"
	"flakeops/internal/fault"
	"flakeops/internal/ui"
)

// listDocument is the answer of list --json.
type listDocument struct {
	Version int          `json:"version"`
	Flake   wire.Flake   `json:"flake"`
	Nodes   []listedNode `json:"nodes"`
}

// listedNode is a node's settings, or why it cannot be evaluated.
type listedNode struct {
	Node       string          `json:"node"`
	Error      string          `json:"error,omitempty"`
	Kind       string          `json:"kind,omitempty"` // what it is instead of a machine
	Platform   string          `json:"platform,omitempty"`
	Derivation string          `json:"derivation,omitempty"`
	System     string          `json:"system,omitempty"`
	Deployment *listedSettings `json:"deployment,omitempty"`
}

// listedSettings are the options under deployment, by their own names.
type listedSettings struct {
	TargetHost                 *string  `json:"targetHost"`
	AlternateHosts             []string `json:"alternateHosts"`
	TargetPort                 *int     `json:"targetPort"`
	TargetUser                 *string  `json:"targetUser"`
	SSHOptions                 []string `json:"sshOptions"`
	PrivilegeEscalationCommand []string `json:"privilegeEscalationCommand"`
	Tags                       []string `json:"tags"`
	BuildOnTarget              bool     `json:"buildOnTarget"`
	SubstituteOnTarget         bool     `json:"substituteOnTarget"`
	MagicRollback              bool     `json:"magicRollback"`
	AutoRollback               bool     `json:"autoRollback"`
	RebootWhenStranded         bool     `json:"rebootWhenStranded"`
	ConfirmTimeout             int      `json:"confirmTimeout"`
	ActivationTimeout          int      `json:"activationTimeout"`
}

// WriteList writes the settings of nodes, by name.
func WriteList(u *ui.UI, from wire.Flake, evaluations map[string]flake.Evaluation) error {
	doc := listDocument{Version: Version, Flake: from, Nodes: []listedNode{}}
	var rows [][]string
	for _, name := range slices.Sorted(maps.Keys(evaluations)) {
		e := evaluations[name]
		if e.Err != nil {
			doc.Nodes = append(doc.Nodes, listedNode{Node: name, Error: fault.Text(e.Err)})
			continue
		}
		doc.Nodes = append(doc.Nodes, listed(e))
		rows = append(rows, listedRow(e))
	}
	if err := u.JSON(doc); err != nil {
		return err
	}
	return u.Table([]string{"NODE", "PLATFORM", "HOST", "USER", "TAGS"}, rows)
}

func listedRow(e flake.Evaluation) []string {
	host, user := "-", "-"
	if h := e.Settings.TargetHost; h != nil {
		host = *h
		if port := e.Settings.TargetPort; port != nil {
			host += ":" + strconv.Itoa(*port)
		}
	}
	if e.Settings.TargetUser != "" {
		user = e.Settings.TargetUser
	}
	return []string{e.Name, e.System.Platform, host, user, strings.Join(e.Settings.Tags, ",")}
}

func listed(e flake.Evaluation) listedNode {
	d := e.Settings
	settings := &listedSettings{
		TargetHost: d.TargetHost, AlternateHosts: d.AlternateHosts, TargetPort: d.TargetPort,
		SSHOptions: d.SSHOptions, PrivilegeEscalationCommand: d.PrivilegeEscalationCommand, Tags: d.Tags,
		BuildOnTarget: d.BuildOnTarget, SubstituteOnTarget: d.SubstituteOnTarget,
		MagicRollback: d.MagicRollback, AutoRollback: d.AutoRollback, RebootWhenStranded: d.RebootWhenStranded,
		ConfirmTimeout: d.ConfirmTimeout, ActivationTimeout: d.ActivationTimeout,
	}
	if d.TargetUser != "" {
		settings.TargetUser = &d.TargetUser
	}
	return listedNode{Node: e.Name, Kind: d.Kind, Platform: e.System.Platform, Derivation: e.System.Drv, System: e.System.Out, Deployment: settings}
}
