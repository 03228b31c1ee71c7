package operator

import (
	"strings"
	"unicode/utf8"

	"github.com/writ-auth/writ/models"
)

// target is an organization or one of its applications, each by name or uuid.
type target struct{ organization, application string }

func (t target) String() string {
	if t.application == "" {
		return t.organization
	}
	return t.organization + "/" + t.application
}

// organizationNamed reads ORG. A word that is no name could be another path of the server.
func organizationNamed(argument string) (target, error) {
	if models.IsUUID(argument) {
		return target{organization: argument}, nil
	}
	name, err := models.OrganizationName(argument)
	if err != nil {
		return target{}, usage("%v", err)
	}
	return target{organization: name}, nil
}

// applicationNamed reads ORG/APP.
func applicationNamed(argument string) (target, error) {
	first, second, found := strings.Cut(argument, "/")
	if !found {
		return target{}, usage("an application is written ORG/APP, such as acme/shop")
	}
	t, err := organizationNamed(first)
	if err != nil {
		return target{}, err
	}
	if models.IsUUID(second) {
		t.application = second
		return t, nil
	}
	if t.application, err = models.ApplicationName(second); err != nil {
		return target{}, usage("%v", err)
	}
	return t, nil
}

// targetNamed reads ORG or ORG/APP.
func targetNamed(argument string) (target, error) {
	if strings.Contains(argument, "/") {
		return applicationNamed(argument)
	}
	return organizationNamed(argument)
}

// reference checks the name of a user, admin or role: it must be one segment of a path.
func reference(kind, argument string) (string, error) {
	if argument == "" || argument == "." || argument == ".." || strings.ContainsAny(argument, "/\\") || !utf8.ValidString(argument) ||
		models.ShownText(kind, argument) != nil {
		return "", usage("this is no name of %s", kind)
	}
	return argument, nil
}

// root is the path of the application.
func (t target) root(behind ...string) []string {
	return append([]string{t.organization, t.application}, behind...)
}

// managed is the path of the organization, or of the application below it, under /management.
func (t target) managed(behind ...string) []string {
	path := []string{"management", "organizations", t.organization}
	if t.application != "" {
		path = append(path, "applications", t.application)
	}
	return append(path, behind...)
}
