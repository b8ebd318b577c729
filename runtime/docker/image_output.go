package docker

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"volundr/runtime"
)

// buildOutput turns a builder's text into progress, and keeps what a failure is
// explained by.
type buildOutput struct {
	report func(runtime.Progress)

	rest        string // of a line not yet ended
	stage       string
	instruction string
	step, steps int
	image       string   // made by the last instruction
	stages      []string // images of the finished stages
	tail        []string // last lines of this step
}

const (
	tailLines = 15
	lineLimit = 400 // a compiler's command line says nothing beyond it
)

var (
	// Docker says "Step 3/35 : RUN …", Podman "[1/5] STEP 3/9: RUN …".
	stepLine  = regexp.MustCompile(`^(?:\[\d+/\d+\] )?(?:Step|STEP) (\d+)/(\d+) ?: ?(.*)$`)
	stageName = regexp.MustCompile(`(?i)^FROM \S+(?: AS (\S+))?$`)
	imageLine = regexp.MustCompile(`^ ?---> ([0-9a-f]{12,64})$`)
	houseLine = regexp.MustCompile(`^( ?---> |Removing intermediate container |Successfully )`)
	controls  = regexp.MustCompile(`\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]`)
)

// write takes a piece of the stream; lines are reported when they end.
func (o *buildOutput) write(piece string) {
	text := o.rest + strings.ReplaceAll(piece, "\r", "\n")
	for {
		line, rest, ended := strings.Cut(text, "\n")
		if !ended {
			o.rest = text
			return
		}
		o.line(line)
		text = rest
	}
}

func (o *buildOutput) flush() {
	if o.rest != "" {
		o.line(o.rest)
		o.rest = ""
	}
}

func (o *buildOutput) line(line string) {
	line = strings.TrimRight(controls.ReplaceAllString(line, ""), " \t")
	if len(line) > lineLimit {
		line = strings.ToValidUTF8(line[:lineLimit], "") + " …"
	}
	if line == "" {
		return
	}
	switch step, image := stepLine.FindStringSubmatch(line), imageLine.FindStringSubmatch(line); {
	case step != nil:
		o.step, _ = strconv.Atoi(step[1])
		o.steps, _ = strconv.Atoi(step[2])
		o.instruction, o.tail = step[3], nil
		if from := stageName.FindStringSubmatch(o.instruction); from != nil {
			if o.image != "" {
				o.stages = append(o.stages, o.image)
			}
			o.stage, o.image = from[1], ""
		}
	case image != nil:
		o.image = image[1]
		return
	case houseLine.MatchString(line):
		return // the builder's own bookkeeping
	default:
		o.tail = append(o.tail, line)
		o.tail = o.tail[max(0, len(o.tail)-tailLines):]
	}
	o.report(runtime.Progress{Step: o.step, Steps: o.steps, Text: o.text(), Log: line})
}

// text says where the build is: "code-server 14/35".
func (o *buildOutput) text() string {
	if o.steps == 0 {
		return "starting"
	}
	return fmt.Sprintf("%s %d/%d", cmp.Or(o.stage, "image"), o.step, o.steps)
}

func (o *buildOutput) failure(message string) *BuildError {
	return &BuildError{Where: o.text(), Instruction: o.instruction, Message: message, Tail: o.tail}
}
