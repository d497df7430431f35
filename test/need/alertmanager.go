package need

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
)

// Alertmanager starts Prometheus's Alertmanager, with a receiver that tells no person, and returns
// the URL of its web interface. It ends with the test.
func Alertmanager(t testing.TB) (url string) {
	t.Helper()
	path := program(t, "alertmanager", "prometheus-alertmanager", "prometheus-alertmanager", "alertmanager")
	dir, addr := t.TempDir(), Addr(t)
	conf := filepath.Join(dir, "alertmanager.yml")
	write(t, conf, []byte("route:\n  receiver: none\nreceivers:\n- name: none\n"))
	proc, err := start(path, "--config.file="+conf, "--storage.path="+dir, "--web.listen-address="+addr, "--cluster.listen-address=")
	if err != nil {
		t.Fatal(err)
	}
	url = "http://" + addr
	ready := func() error {
		if proc.ended() {
			return nil
		}
		answer, err := http.Get(url + "/-/ready")
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			return fmt.Errorf("it answers %s", answer.Status)
		}
		return nil
	}
	proc.serve(t, "alertmanager", ready)
	return url
}

// serve waits until a server is ready, and ends it with the test.
func (p *process) serve(t testing.TB, name string, ready func() error) {
	t.Helper()
	t.Cleanup(func() {
		if err := p.kill(); err != nil {
			t.Errorf("ending %s: %v", name, err)
		}
		if said := p.output.String(); t.Failed() {
			t.Logf("%s said at last: %s", name, said[max(0, len(said)-2000):])
		}
	})
	err := eventually(patience, ready)
	if p.ended() {
		t.Fatalf("%s ended: %v\n%s", name, p.err, p.output.String())
	}
	if err != nil {
		t.Fatalf("waiting for %s: %v", name, err)
	}
}
