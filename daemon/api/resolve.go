package api

import (
	"encoding/json"
	"errors"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"volundr/daemon/launch"
	"volundr/ui/client"
)

// resolve lays what was typed over what the names in it stand for: template,
// profile, preset. What it gives is stored whole, so that a session stays what
// it is when those change.
func (s *server) resolve(c echo.Context, typed launch.Request) (launch.Request, error) {
	preset, err := s.preset(c, typed.PresetID)
	if err != nil {
		return typed, err
	}
	req, err := s.Templates.Resolve(typed, preset)
	if err != nil {
		return req, named(err)
	}
	return req, nil
}

// preset is what the caller's preset says; nil for none. What is no id at all is
// refused with the rest of the request.
func (s *server) preset(c echo.Context, id string) (*launch.Request, error) {
	if id == "" || uuid.Validate(id) != nil {
		return nil, nil
	}
	row, err := s.DB.Preset(c.Request().Context(), principal(c), id)
	if isNotFound(err) {
		return nil, invalid(fieldError{Type: "value_error", Loc: []any{"body", "preset_id"}, Input: id,
			Msg: "There is no preset of yours with this id: choose another, or leave preset_id out."})
	}
	if err != nil {
		return nil, err
	}
	var r launch.Request
	return &r, json.Unmarshal(row.Request, &r)
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

// withProfile lays a profile over a stored request: what was asked for last.
// The workspace is there already, and the agent's conversation is its own, so
// that source, agent and what a fresh session gets stay as they are.
func (s *server) withProfile(req launch.Request, profile string) (launch.Request, error) {
	over, err := s.Templates.Profile(profile)
	if err != nil {
		return req, named(err)
	}
	said := launch.Request{ProfileName: profile, Env: over.Env, Resources: over.Resources, Network: over.Network, SystemPrompt: over.SystemPrompt}
	if over.Agent == "" || over.Agent == req.Agent {
		said.Model, said.Mode = over.Model, over.Mode
	}
	req = launch.Merge(req, said)
	if err := s.Launch.Validate(req); err != nil {
		return req, unfit(err, req.Source)
	}
	return req, nil
}

// startIn is the body of a start.
type startIn struct {
	ProfileName *string `json:"profile_name,omitempty"`
}

func (in startIn) profile() string { return client.Deref(in.ProfileName) }
