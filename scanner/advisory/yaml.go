package advisory

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v4"
)

// yamlError puts file and line in front of each message of the decoder.
func yamlError(name string, err error) error {
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	var list []*yaml.LoadError
	switch {
	case errors.As(err, &many):
		list = many.Errors
	case errors.As(err, &one):
		list = []*yaml.LoadError{one}
	default:
		return fmt.Errorf("%s:1: %w", name, err)
	}
	faults := make([]error, len(list))
	for i, e := range list {
		faults[i] = fmt.Errorf("%s:%d: %s", name, e.Mark.Line, e.Message)
	}
	return errors.Join(faults...)
}
