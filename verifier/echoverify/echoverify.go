// Package echoverify is package verifier for resource servers that are built on echo. It decides nothing itself.
package echoverify

import (
	"errors"
	"maps"

	"github.com/labstack/echo/v4"

	"github.com/writ-auth/writ/verifier"
)

// Middleware lets requests through that have a good token and fulfil all requirements. Refused requests are answered at once, as
// verifier.WriteError does. Handlers find the token with Token, or with verifier.FromContext.
func Middleware(v *verifier.Verifier, requirements ...verifier.Requirement) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			token, err := v.Check(c.Request(), requirements...)
			if err != nil {
				return refuse(c, err)
			}
			if token != nil {
				c.SetRequest(c.Request().WithContext(verifier.NewContext(c.Request().Context(), token)))
			}
			return next(c)
		}
	}
}

// refuse answers through echo, so that its own logging sees the status.
func refuse(c echo.Context, err error) error {
	reason, is := errors.AsType[*verifier.Error](err)
	if !is {
		return err
	}
	maps.Copy(c.Response().Header(), reason.Header())
	return c.JSON(reason.Status(), reason.Body())
}

// Token gives the token of the request; false for a guest.
func Token(c echo.Context) (*verifier.Token, bool) {
	return verifier.FromContext(c.Request().Context())
}
