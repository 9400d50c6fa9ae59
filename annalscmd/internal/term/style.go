package term

// Style paints text for a terminal, or leaves it as it is.
type Style struct {
	Color bool
}

// Bold paints what stands out.
func (s Style) Bold(text string) string { return s.paint("1", text) }

// Dim paints what matters less.
func (s Style) Dim(text string) string { return s.paint("2", text) }

// Red paints what is gone.
func (s Style) Red(text string) string { return s.paint("31", text) }

// Green paints what came.
func (s Style) Green(text string) string { return s.paint("32", text) }

// Yellow paints what changed.
func (s Style) Yellow(text string) string { return s.paint("33", text) }

// Cyan paints names.
func (s Style) Cyan(text string) string { return s.paint("36", text) }

func (s Style) paint(code, text string) string {
	if !s.Color || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
