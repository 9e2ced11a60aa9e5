/* SPDX-License-Identifier: MIT */
/*
 * envelope.c - sender and recipients, each recipient once
 */
#include "base/base.h"

#include "mail/envelope.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/rand.h"
#include "mail/mailbox.h"

/* so many are looked through one by one: most envelopes have fewer, and need
 * neither table nor random key */
#define FEW 16
#define FIRST_SLOTS (4 * FEW)

struct mc_envelope_slot {
	uint64_t hash;
	size_t at;		/* number of the recipient, from 1; 0 is free */
};

void
mc_envelope_init(struct mc_envelope *env)
{
	memset(env, 0, sizeof(*env));
	mc_vec_init(&env->rcpts, sizeof(struct mc_rcpt), MC_MAX_RCPTS);
}

void
mc_envelope_clear(struct mc_envelope *env)
{
	for (size_t i = 0; i < env->rcpts.n; i++) {
		struct mc_rcpt *r = mc_vec_at(&env->rcpts, i);

		mc_mem_free(r->addr);
		mc_mem_free(r->orcpt);
		mc_mem_free(r->text);
		mc_mem_free(r->reply);
	}
	mc_vec_clear(&env->rcpts);
	mc_mem_free(env->sender);
	mc_mem_free(env->envid);
	mc_mem_free(env->slots);
	mc_envelope_init(env);
}

int
mc_envelope_set_sender(struct mc_envelope *env, struct mc_str addr,
    struct mc_err *err)
{
	char *copy = mc_mem_strndup(addr.ptr == NULL ? "" : addr.ptr, addr.len);

	if (copy == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_mem_free(env->sender);
	env->sender = copy;
	return 0;
}

struct mc_rcpt *
mc_envelope_at(const struct mc_envelope *env, size_t i)
{
	return mc_vec_at(&env->rcpts, i);
}

static uint64_t
rotate(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static void
sip_rounds(uint64_t v[4], int n)
{
	for (; n > 0; n--) {
		v[0] += v[1];
		v[2] += v[3];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] = rotate(v[0], 32) + v[3];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] = rotate(v[2], 32);
	}
}

/*
 * SipHash-2-4 of the address with its domain in lower case, as
 * mc_mailbox_eq compares.  Keyed, for recipients are chosen by others, and a
 * hundred thousand that fall on one slot would take minutes.
 */
static uint64_t
hash_addr(const uint64_t key[2], struct mc_str addr)
{
	uint64_t v[4] = {
		key[0] ^ UINT64_C(0x736f6d6570736575),
		key[1] ^ UINT64_C(0x646f72616e646f6d),
		key[0] ^ UINT64_C(0x6c7967656e657261),
		key[1] ^ UINT64_C(0x7465646279746573),
	};
	size_t domain = mc_mailbox_at(addr);
	uint64_t word = 0;

	for (size_t i = 0; i < addr.len; i++) {
		int c = (unsigned char)addr.ptr[i];

		if (i > domain)
			c = mc_to_lower(c);
		word |= (uint64_t)c << i % 8 * 8;
		if (i % 8 != 7)
			continue;
		v[3] ^= word;
		sip_rounds(v, 2);
		v[0] ^= word;
		word = 0;
	}
	word |= (uint64_t)(addr.len & 0xff) << 56;
	v[3] ^= word;
	sip_rounds(v, 2);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* the slot of an equal address, or the free one where it would go */
static struct mc_envelope_slot *
find_slot(const struct mc_envelope *env, struct mc_str addr, uint64_t hash)
{
	size_t mask = env->n_slots - 1;

	for (size_t i = (size_t)hash & mask;; i = (i + 1) & mask) {
		struct mc_envelope_slot *slot = &env->slots[i];

		if (slot->at == 0)
			return slot;
		if (slot->hash == hash && mc_mailbox_eq(addr, mc_str_from(
		    mc_envelope_at(env, slot->at - 1)->addr)))
			return slot;
	}
}

/* number of the recipient, from 1; 0 if there is none */
static size_t
find(const struct mc_envelope *env, struct mc_str addr)
{
	if (env->n_slots != 0)
		return find_slot(env, addr, hash_addr(env->key, addr))->at;
	for (size_t i = 0; i < env->rcpts.n; i++)
		if (mc_mailbox_eq(addr, mc_str_from(
		    mc_envelope_at(env, i)->addr)))
			return i + 1;
	return 0;
}

bool
mc_envelope_has(const struct mc_envelope *env, struct mc_str addr)
{
	return find(env, addr) != 0;
}

/* for recipient number `at`, who is not in the table yet */
static void
take_slot(struct mc_envelope *env, size_t at)
{
	struct mc_str addr = mc_str_from(mc_envelope_at(env, at - 1)->addr);
	uint64_t hash = hash_addr(env->key, addr);
	struct mc_envelope_slot *slot = find_slot(env, addr, hash);

	slot->hash = hash;
	slot->at = at;
}

/* at most half of the slots are in use, or a search might not end */
static int
make_room(struct mc_envelope *env, struct mc_err *err)
{
	if (env->rcpts.n < (env->n_slots == 0 ? FEW : env->n_slots / 2))
		return 0;
	if (env->n_slots == 0 &&
	    mc_rand_bytes(env->key, sizeof(env->key), err) != 0)
		return -1;
	size_t n = env->n_slots == 0 ? FIRST_SLOTS : env->n_slots * 2;
	struct mc_envelope_slot *slots = mc_mem_zalloc(n, sizeof(*slots));
	if (slots == NULL)
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	mc_mem_free(env->slots);
	env->slots = slots;
	env->n_slots = n;
	for (size_t at = 1; at <= env->rcpts.n; at++)
		take_slot(env, at);
	return 0;
}

int
mc_envelope_add(struct mc_envelope *env, struct mc_str addr, bool blind,
    size_t *ret_index, struct mc_err *err)
{
	if (make_room(env, err) != 0)
		return -1;
	size_t at = find(env, addr);
	if (at != 0) {
		if (!blind)
			mc_envelope_at(env, at - 1)->blind = false;
		*ret_index = at - 1;
		return 0;
	}
	if (env->rcpts.n >= MC_MAX_RCPTS)
		return mc_err_set(err, MC_E_TOO_MANY_RCPTS, MC_STAGE_LOCAL,
		    "more than %u recipients; send in several parts",
		    (unsigned)MC_MAX_RCPTS);
	char *copy = mc_mem_strndup(addr.ptr == NULL ? "" : addr.ptr, addr.len);
	struct mc_rcpt *r = copy == NULL ? NULL : mc_vec_add(&env->rcpts);
	if (r == NULL) {
		mc_mem_free(copy);
		return mc_err_set(err, MC_E_NOMEM, MC_STAGE_LOCAL, NULL);
	}
	r->addr = copy;
	r->blind = blind;
	if (env->n_slots != 0)
		take_slot(env, env->rcpts.n);
	*ret_index = env->rcpts.n - 1;
	return 0;
}
