package operator

import "context"

func superuser() group {
	return group{
		name: "superuser", usage: "the superuser",
		commands: []command{
			{
				name: "reset-password", usage: "give the superuser another password; his tokens are refused at once",
				about: "This is done beside the database only. Where superuser-password is configured, the next start sets that one again:\n" +
					"change it there.",
				flags: passwordFlags(), run: resetSuperuserPassword,
				example: "writ superuser reset-password --data-dir /var/lib/writ --generate",
			},
		},
	}
}

func resetSuperuserPassword(ctx context.Context, s *session) error {
	if s.cmd.IsSet("url") {
		if err := s.open(ctx); err != nil {
			return err
		}
		_, err := s.server.SetSuperuserPassword(ctx, "")
		return err
	}
	secret, err := s.newPassword(ctx, false)
	if err != nil {
		return err
	}
	if err := s.open(ctx); err != nil {
		return err
	}
	name, err := s.server.SetSuperuserPassword(ctx, secret.text)
	if err != nil {
		return err
	}
	return s.done(done{Action: "password reset", Kind: "superuser", Name: name, Password: secret.shown()})
}
