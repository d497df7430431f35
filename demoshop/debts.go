package demoshop

// What the shop owes because it was overloaded. A debt is counted once in Orders.Lost
// until it is settled. A debt that is evicted because there are too many stays counted.

func (b *book) owe(debt string) {
	if _, ok := b.debts.get(debt); !ok {
		b.debts.put(debt, struct{}{})
		b.counts.Lost++
	}
}

func (b *book) settle(debt string) {
	if _, ok := b.debts.get(debt); ok {
		b.debts.remove(debt)
		b.counts.Lost--
	}
}

// refuseCheckout records that owner's form was turned away unread.
func (b *book) refuseCheckout(owner string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Refused++
	if no, ok := b.lastDraft.get(owner); ok {
		b.oweDraft(no)
	}
}

// reportLost records that the customer with this draft could not order.
func (b *book) reportLost(no string) (known bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.oweDraft(no)
}

// oweDraft owes a draft, unless it was placed by an earlier POST.
func (b *book) oweDraft(no string) (known bool) {
	d, ok := b.drafts.get(no)
	if ok && d.order == "" {
		b.owe("draft " + no)
	}
	return ok
}

// refuseCallback records that a payment callback was refused. no comes from the URL.
func (b *book) refuseCallback(no string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Refused++
	if no == "" {
		b.counts.Lost++
	} else if o, ok := b.orders.get(no); ok && !o.Paid {
		b.owe("payment " + no)
	}
}

// refuseDirect records that an API order was turned away unread. Without authorization
// it would not have become an order.
func (b *book) refuseDirect(key string, authorized bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts.Refused++
	if !authorized {
		return
	}
	if key == "" {
		b.counts.Lost++
	} else if _, placed := b.idempotent.get(key); !placed {
		b.owe("key " + key)
	}
}
