package waf
import ("testing")
func BenchmarkZZ(bb *testing.B){
	h := &Handler{}; h.fillDefaults()
	e0, _, _ := engineOf(""); h.engine = e0; if err := h.tune(); err != nil { bb.Fatal(err) }
	w := &bench{engine: e0, bare: h.steps, limits: h.Bounds.limits()}
	hb := &Handler{Bare: true}; hb.fillDefaults(); hb.engine = e0; _ = hb.tune()
	wb := &bench{engine: e0, bare: hb.steps, limits: h.Bounds.limits()}
	for _, r := range benchRequests() { if r.where != "static" && r.where != "args" && r.where != "get" { continue }
		bb.Run(r.where+"/preset", func(b *testing.B){ for b.Loop() { w.refuses(r, nil) } })
		bb.Run(r.where+"/bare", func(b *testing.B){ for b.Loop() { wb.refuses(r, nil) } })
	}
}
