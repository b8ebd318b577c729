package launch

import "volundr/runtime"

// FieldError says which field of a launch request cannot be, as the contract's
// 422 answers do. It wraps runtime.ErrInvalid: trying again does not help.
type FieldError struct {
	Loc   []string // as in "body", "source", "git", "repo"
	Type  string   // as in "value_error"
	Msg   string   // a sentence
	Input any
}

func (e *FieldError) Error() string { return e.Msg }

func (e *FieldError) Unwrap() error { return runtime.ErrInvalid }

// wrong is a FieldError for a field of the body.
func wrong(input any, typ, msg string, loc ...string) error {
	return &FieldError{Loc: append([]string{"body"}, loc...), Type: typ, Msg: msg, Input: input}
}
