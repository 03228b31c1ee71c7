package main

import (
	"context"

	"github.com/google/uuid"

	"github.com/writ-auth/writ/cmd/writ/operator"
	"github.com/writ-auth/writ/models"
)

// Names of what --demo creates.
const (
	demoOrganization = "demo"
	demoSandbox      = "sandbox"
	demoApplication  = "app"
	demoAdmin        = "demo-admin"
	demoUser         = "dana"
	demoRole         = "reader"
)

type login struct{ name, password string }

// demoCredentials are printed once and kept nowhere.
type demoCredentials struct {
	url                                string
	strict                             bool
	superuser, admin, user             login // the superuser's password is empty if it comes from the configuration
	organization, application, sandbox login // clients
}

// seedDemo fills an empty database. The organization with all that belongs to it is one transaction.
func (w *wiring) seedDemo(ctx context.Context) (*demoCredentials, error) {
	d := &demoCredentials{url: w.publicURL, strict: w.strict}
	seed, err := w.demoOrganization(ctx, d)
	if err != nil {
		return nil, err
	}
	sandbox, err := w.demoApplication(seed.Organization.ID, demoSandbox, true, &d.sandbox)
	if err != nil {
		return nil, err
	}
	app, err := w.demoApplication(seed.Organization.ID, demoApplication, false, &d.application)
	if err != nil {
		return nil, err
	}
	reader := models.RoleSeed{Role: models.Role{
		ID: uuid.New(), ApplicationID: app.Application.ID, Name: demoRole, Title: "Reader",
		Created: w.now().UnixMilli(), Modified: w.now().UnixMilli(),
	}, Rules: []string{"get:/users"}}
	app.Roles = append(app.Roles, reader)
	if w.strict {
		// compat=strict has the password grant only where it is asked for (wire contract §2.7), and the demo shows it.
		app.Application.Settings.PasswordGrant = new(true)
	}
	seed.Applications = []models.ApplicationSeed{sandbox, app}
	if err := w.store.CreateOrganization(ctx, seed); err != nil {
		return nil, err
	}
	return d, w.seedDemoUser(ctx, app.Application.ID, reader.Role.ID, d)
}

func (w *wiring) demoOrganization(ctx context.Context, d *demoCredentials) (seed models.OrganizationSeed, err error) {
	if seed.Organization, err = models.NewOrganization(demoOrganization, w.now()); err != nil {
		return seed, err
	}
	d.organization, seed.Client, err = w.newClient(models.OrganizationClient, seed.Organization.ID)
	if err != nil {
		return seed, err
	}
	owner, err := models.NewAdmin(demoAdmin, demoAdmin+"@example.com", "Demo Admin", w.now())
	if err != nil {
		return seed, err
	}
	d.admin = login{demoAdmin, operator.GeneratePassword(w.passwordMinLength)}
	owner.PasswordHash, err = w.passwords.Hash(ctx, d.admin.password)
	seed.Owner = &owner
	return seed, err
}

func (w *wiring) demoApplication(organization uuid.UUID, name string, open bool, client *login) (seed models.ApplicationSeed, err error) {
	if seed.Application, err = models.NewApplication(organization, name, w.now()); err != nil {
		return seed, err
	}
	seed.Roles = models.DefaultRoles(seed.Application.ID, open, w.now())
	*client, seed.Client, err = w.newClient(models.ApplicationClient, seed.Application.ID)
	return seed, err
}

func (w *wiring) newClient(kind models.ClientKind, owner uuid.UUID) (login, models.Client, error) {
	client, secret, err := w.secrets.NewClient(kind, owner, w.now())
	return login{client.ClientID(), secret}, client, err
}

func (w *wiring) seedDemoUser(ctx context.Context, application, role uuid.UUID, d *demoCredentials) error {
	user, err := models.NewUser(application, demoUser, demoUser+"@example.com", "Dana Reed", w.now())
	if err != nil {
		return err
	}
	d.user = login{demoUser, operator.GeneratePassword(w.passwordMinLength)}
	if user.PasswordHash, err = w.passwords.Hash(ctx, d.user.password); err != nil {
		return err
	}
	if err := w.store.CreateUsers(ctx, []models.User{user}); err != nil {
		return err
	}
	return w.store.AssignRole(ctx, application, role, models.HolderUser, user.ID)
}
