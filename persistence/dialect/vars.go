package dialect

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sauravritesh63/miniairflow"
)

// EncodeValue returns the JSON of a variable's value. Equal values have the same.
func EncodeValue(value any) (string, error) {
	data, err := json.Marshal(cleanText(value))
	if err != nil {
		return "", fmt.Errorf("encode value: %w", err)
	}
	return string(data), nil
}

// DecodeValue is the inverse of EncodeValue. Numbers come out as DecodeObject has them.
func DecodeValue(stored string) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader([]byte(stored)))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fmt.Errorf("decode value: %w", err)
	}
	return plainNumbers(value), nil
}

// TooMany is the error for one more variable or secret than there may be.
func TooMany(what string, max int) error {
	return miniairflow.Errorf(miniairflow.CodeConflict, "there are %d %s already, and there may be no more: delete some", max, strings.TrimPrefix(what, "api_"))
}

// TokenExists is the error of a second token with a name.
func TokenExists(name string) error {
	return miniairflow.Errorf(miniairflow.CodeConflict, "there is a token called %s already: revoke it first, or choose another name", name)
}

// Names returns names as every database takes them. One that is none is not there.
func Names(names []string) []string {
	clean := make([]string, len(names))
	for i, name := range names {
		clean[i] = Text(name)
	}
	return clean
}

// Reseal returns what is to be written of secrets: what reseal makes of those that it
// gives another key.
func Reseal(found []miniairflow.SealedSecret, reseal func(miniairflow.SealedSecret) (miniairflow.SealedSecret, error)) ([]miniairflow.SealedSecret, error) {
	var changed []miniairflow.SealedSecret
	for _, secret := range found {
		anew, err := reseal(secret)
		if err != nil {
			return nil, err
		}
		if anew.KeyID != secret.KeyID {
			changed = append(changed, anew)
		}
	}
	return changed, nil
}
