package desktop

import (
	"fmt"
	"net/url"
	"regexp"
)

// Scheme of the addresses that the desktop hands to Volundr.
const Scheme = "volundr"

// addresses are all that there are, each with the page it opens. $1 is an id.
var addresses = []struct {
	form *regexp.Regexp
	page string
}{
	{regexp.MustCompile(`^volundr:(//)?/?$`), "/"},
	{regexp.MustCompile(`^volundr://new/?$`), "/sessions/new"},
	{regexp.MustCompile(`^volundr://sessions/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?$`), "/sessions/$1"},
	{regexp.MustCompile(`^volundr://chronicles/?$`), "/chronicles"},
	{regexp.MustCompile(`^volundr://chronicles/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/?$`), "/chronicles/$1"},
}

// Page gives the path of the page that an address opens. Any web page can hand
// us an address: it names a page and carries nothing else, so that opening one
// changes nothing.
func Page(address string) (string, error) {
	for _, a := range addresses {
		if m := a.form.FindStringSubmatchIndex(address); m != nil {
			return string(a.form.ExpandString(nil, a.page, address, m)), nil
		}
	}
	if _, err := url.Parse(address); err != nil || len(address) > 200 {
		return "", fmt.Errorf("this is no address of Volundr: volundr://sessions/ID opens a session")
	}
	return "", fmt.Errorf("%q is no address of Volundr: volundr://sessions/ID opens a session", address)
}
