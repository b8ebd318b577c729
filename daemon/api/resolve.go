package api

import (
	"errors"

	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
)

// resolve lays what was typed over what the names in it stand for: template,
// profile, preset. What it gives is stored whole, so that a session stays what
// it is when those change.
func (s *server) resolve(_ echo.Context, typed launch.Request) (launch.Request, error) {
	req, err := s.Templates.Resolve(typed, nil)
	if err != nil {
		return req, named(err)
	}
	return req, nil
}

// named is the refusal of a name, in the contract's form; other errors as they
// are.
func named(err error) error {
	var field *launch.FieldError
	if errors.As(err, &field) {
		return unfit(err, launch.Source{})
	}
	return err
}
