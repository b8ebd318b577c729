package link

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// How agents write down what a provider of models answered, and that it did not.
var (
	statusSaid  = regexp.MustCompile(`(?i)(?:\bAPI error:?|\bstatus(?: code)?:?)\s*\(?([45]\d\d)\b`)
	networkSaid = regexp.MustCompile(`(?i)\bAPI error:? *\(?(?:connection|request timed out|internet|unable to connect)|` +
		`\bfetch failed\b|\berror sending request\b|\bstream disconnected before completion\b`)
	loginSaid   = regexp.MustCompile(`(?i)\bauthentication required\b|\bnot logged in\b|\bplease run /login\b`)
	messageSaid = regexp.MustCompile(`"message"\s*:\s*("(?:[^"\\]|\\.)*")`)
)

// meaning says for people what an agent's error means, where it tells of the
// provider of its model; empty: it does not, or in a way that is not known.
func meaning(raw string) string {
	var status string
	if m := statusSaid.FindStringSubmatch(raw); m != nil {
		status = m[1]
	}
	said := providerSaid(raw)
	if status != "" {
		// The vault's own answers say what to do already.
		if strings.Contains(said, "volundr credentials") || strings.Contains(said, "could not be reached") {
			return said
		}
	}
	switch status {
	case "401", "403":
		return fmt.Sprintf("The provider of the model refused the key (%s). Set one that is allowed to use this model with `volundr credentials set`, and send the message again.", status)
	case "429":
		return "The provider of the model takes no more for now (429): a limit of its rate or of the account is reached. Wait a while, and send the message again."
	case "503", "529":
		return fmt.Sprintf("The provider of the model is overloaded (%s). Wait a while, and send the message again.", status)
	case "500", "502", "504":
		return fmt.Sprintf("The provider of the model failed (%s). Send the message again.", status)
	case "":
		if loginSaid.MatchString(raw) {
			return "The provider of the model refused the key. Set one that is allowed to use this model with `volundr credentials set`, and send the message again."
		}
		if strings.HasPrefix(raw, "API error: {") && said != "" { // the broker's, of an answer that broke off
			return "The provider of the model ended its answer in an error: " + said
		}
		if networkSaid.MatchString(raw) {
			return "The provider of the model could not be reached. Look whether this machine is online, and send the message again."
		}
	default:
		if said != "" {
			return fmt.Sprintf("The provider of the model refused the request (%s): %s", status, said)
		}
	}
	return ""
}

// providerSaid is the message in a provider's answer.
func providerSaid(raw string) (text string) {
	if m := messageSaid.FindStringSubmatch(raw); m != nil {
		_ = json.Unmarshal([]byte(m[1]), &text) // else there is none
	}
	return plain(text, maxNote)
}
