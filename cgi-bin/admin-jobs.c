#include "admin-jobs.h"

#include "base/clock.h"
#include "store/jobs.h"

static void
fill_job(struct tmpl_row *row, const struct job_row *job)
{
	tmplrow_set(row, "name", job->name);
	tmplrow_set(row, "state", jobs_state_name(job, clock_now()));
	/* of a failure it is what last_error says */
	tmplrow_set(
	    row, "text", job->result == JOB_FAILED ? "" : job->text);
	tmplrow_set(row, "last_error", job->last_error);
	tmplrow_setf(row, "duration_ms", "%lld", (long long)job->duration_ms);
	admin_page_time(row, "started_at", job->started_at);
	admin_page_time(row, "next_run_at", job->next_run_at);
	admin_page_time(row, "last_error_at", job->last_error_at);
}

static int
fill_list(struct admin_page *page)
{
	struct job_list list;
	char silent[JOBS_TEXT];
	int r = jobs_list(page->app->context.db, &list);

	if (r != OK)
		return r;
	jobs_are_silent(&list, clock_now(), silent, sizeof silent);
	tmplrow_set(page->row, "silent", silent);
	for (size_t i = 0; i < list.n; i++)
		fill_job(tmplrow_add(page->row, "jobs"), &list.rows[i]);
	tmplrow_flag(page->row, "any", list.n > 0);
	jobs_list_release(&list);
	return OK;
}

int
admin_jobs_list(void *app, const struct req *req, struct resp *resp)
{
	static const struct admin_page_view view = { .template = "jobs",
		.title = "Jobs",
		.section = "in_jobs",
		.fill = fill_list };

	return admin_page_show(app, req, &view, resp);
}
