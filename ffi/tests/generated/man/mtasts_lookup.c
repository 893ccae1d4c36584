#include <mtasts.h>
#include <string.h>

struct response {
    uint32_t status;
    const char *content_type;
    const uint8_t *body;
    size_t body_len;
};

bool take_record(mtasts_lookup *lookup, const uint8_t *rdata,
                 size_t rdata_len, int64_t now)
{
    /* If it is not taken, the answer counts as MTASTS_TXT_TEMPFAIL. */
    mtasts_lookup_txt_rdata(lookup, rdata, rdata_len);
    return mtasts_lookup_txt_end(lookup, MTASTS_TXT_RECORDS, now)
           == MTASTS_OK;
}

bool take_response(mtasts_lookup *lookup, const struct response *got,
                   int64_t now)
{
    static const char name[] = "content-type";
    mtasts_answer more = MTASTS_UNKNOWN;

    mtasts_lookup_https_field(lookup, name, strlen(name),
                              got->content_type,
                              strlen(got->content_type));
    mtasts_lookup_https_head(lookup, got->status, now, &more);
    if (more == MTASTS_YES)
        mtasts_lookup_https_body(lookup, got->body, got->body_len,
                                 now, &more);
    if (more == MTASTS_YES)
        return mtasts_lookup_https_end(lookup, now) == MTASTS_OK;
    return more == MTASTS_NO; /* the lookup has ended */
}
