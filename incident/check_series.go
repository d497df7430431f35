package incident

import (
	"errors"

	"github.com/theriac-edge/theriac/watch"
)

func (s *Series) check() error {
	for p, most := range map[*Part]int{&s.Fine: finePoints, &s.Coarse: coarsePoints} {
		n := p.Points()
		if n == 0 && p.Every == 0 {
			*p = Part{}
			continue
		}
		if err := checkTimes(true, &p.From); err != nil {
			return err
		}
		if n > most || p.Every < 1 || p.Every > 1<<20 || p.Filled < 0 || p.Filled > p.Every {
			return errors.New("not a valid series")
		}
		columns := [][]int64{p.Arrived, p.Through, p.Customers, p.Served, p.Level}
		for name, column := range p.Stopped {
			if !isControl(name) { // of a newer edge
				delete(p.Stopped, name)
				continue
			}
			columns = append(columns, column)
		}
		for _, column := range columns {
			if len(column) != n {
				return errors.New("the columns of a series have different lengths")
			}
			if err := checkCounts(column...); err != nil {
				return err
			}
		}
		for _, level := range p.Level {
			if !isLevel(int(level)) {
				return errors.New("not a valid level in a series")
			}
		}
	}
	return nil
}

func isControl(name string) bool {
	for c := range watch.Controls {
		if watch.Control(c).String() == name {
			return true
		}
	}
	return false
}
