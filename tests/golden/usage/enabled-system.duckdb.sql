WITH "t5" AS (
  SELECT
    "t2"."tenant",
    "t2"."name",
    "t2"."since",
    COALESCE("t2"."until", 8589934592) AS "until"
  FROM "configuration" AS "t2"
  WHERE
    "t2"."kind" = 'agent' AND "t2"."detail" IN ('desktop', 'supervisor', 'workspace')
), "t10" AS (
  SELECT
    "t3"."key",
    "t4"."at",
    "t4"."period",
    (
      "t3"."key" * 3
    ) + "t4"."position" + 1 AS "cell"
  FROM "passed_in_1" AS "t3"
  CROSS JOIN "passed_in_2" AS "t4"
), "t26" AS (
  SELECT
    "t25"."key",
    "t25"."since",
    MAX("t25"."until") OVER (
      PARTITION BY "t25"."key", "t25"."seat"
      ORDER BY "t25"."since" ASC, "t25"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 preceding
    ) AS "before",
    MAX("t25"."until") OVER (
      PARTITION BY "t25"."key", "t25"."seat"
      ORDER BY "t25"."since" ASC, "t25"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS "latest",
    LEAD("t25"."since") OVER (
      PARTITION BY "t25"."key", "t25"."seat"
      ORDER BY "t25"."since" ASC, "t25"."until" ASC
      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    ) AS "following"
  FROM (
    SELECT
      *
    FROM (
      SELECT
        0 AS "key",
        "t23"."seat",
        GREATEST("t23"."login", 1788220800) AS "since",
        LEAST(COALESCE("t23"."logout", 8589934592), 1788228000) AS "until"
      FROM (
        SELECT
          *
        FROM (
          SELECT
            "t8"."tenant",
            "t8"."agent",
            "t8"."seat",
            "t8"."login",
            "t8"."logout"
          FROM (
            SELECT
              "t2"."tenant",
              "t2"."name" AS "agent",
              "t2"."tenant" || '|' || "t2"."name" AS "seat",
              "t2"."since" AS "login",
              "t2"."until" AS "logout"
            FROM "configuration" AS "t2"
            WHERE
              "t2"."kind" = 'agent' AND "t2"."detail" IN ('login', 'premise', 'sip', 'network')
          ) AS "t8"
          ANTI JOIN "t5" AS "t9"
            ON "t8"."tenant" = "t9"."tenant" AND "t8"."agent" = "t9"."name"
        ) AS "t13"
        UNION ALL
        SELECT
          *
        FROM (
          SELECT
            "t8"."tenant",
            "t8"."agent",
            "t8"."seat",
            GREATEST("t8"."login", "t21"."since") AS "login",
            LEAST(COALESCE("t8"."logout", 8589934592), COALESCE("t21"."until", 8589934592)) AS "logout"
          FROM (
            SELECT
              "t2"."tenant",
              "t2"."name" AS "agent",
              "t2"."tenant" || '|' || "t2"."name" AS "seat",
              "t2"."since" AS "login",
              "t2"."until" AS "logout"
            FROM "configuration" AS "t2"
            WHERE
              "t2"."kind" = 'agent' AND "t2"."detail" IN ('login', 'premise', 'sip', 'network')
          ) AS "t8"
          INNER JOIN (
            SELECT
              *
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  "t7"."tenant",
                  "t7"."name",
                  COALESCE(
                    MAX("t7"."until") OVER (
                      PARTITION BY "t7"."tenant", "t7"."name"
                      ORDER BY "t7"."since" ASC, "t7"."until" ASC
                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 preceding
                    ),
                    0
                  ) AS "since",
                  "t7"."since" AS "until"
                FROM "t5" AS "t7"
              ) AS "t15"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  "t12"."tenant",
                  "t12"."name",
                  "t12"."since",
                  8589934592 AS "until"
                FROM (
                  SELECT
                    "t7"."tenant",
                    "t7"."name",
                    MAX("t7"."until") AS "since"
                  FROM "t5" AS "t7"
                  GROUP BY
                    1,
                    2
                ) AS "t12"
              ) AS "t14"
            ) AS "t17"
            WHERE
              "t17"."since" < "t17"."until"
          ) AS "t21"
            ON "t8"."tenant" = "t21"."tenant"
            AND "t8"."agent" = "t21"."name"
            AND "t21"."since" < COALESCE("t8"."logout", 8589934592)
            AND COALESCE("t21"."until", 8589934592) > "t8"."login"
        ) AS "t22"
      ) AS "t23"
    ) AS "t24"
    WHERE
      "t24"."since" < "t24"."until"
  ) AS "t25"
)
SELECT
  "t38"."key",
  "t38"."period",
  "t38"."found" >> 34 AS "peak",
  CASE
    WHEN (
      "t38"."found" >> 34
    ) > 0
    THEN (
      (
        (
          "t38"."found" & 17179869183
        ) + 1788220800
      ) - 1
    ) - (
      (
        (
          (
            "t38"."found" & 17179869183
          ) + 1788220800
        ) - 1
      ) % 1
    )
    ELSE CAST(NULL AS BIGINT)
  END AS "last"
FROM (
  SELECT
    "t37"."key",
    "t37"."period",
    MAX("t37"."found") AS "found"
  FROM (
    SELECT
      "t36"."cell",
      "t36"."found",
      "t18"."key",
      "t18"."at",
      "t18"."period"
    FROM (
      SELECT
        "t34"."cell",
        MAX("t34"."found") AS "found"
      FROM (
        SELECT
          "t33"."before" >> 32 AS "cell",
          (
            (
              "t33"."before" & 4294967295
            ) << 34
          ) | (
            (
              "t33"."event" >> 2
            ) & 17179869183
          ) AS "found"
        FROM (
          SELECT
            "t32"."event",
            "t32"."change",
            SUM("t32"."change") OVER (ORDER BY "t32"."event" ASC ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) - "t32"."change" AS "before"
          FROM (
            SELECT
              "t31"."event",
              CASE
                WHEN (
                  "t31"."event" & 3
                ) = 2
                THEN 1
                WHEN (
                  "t31"."event" & 3
                ) = 0
                THEN -1
                ELSE 4294967296
              END AS "change"
            FROM (
              SELECT
                *
              FROM (
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t27"."key" * 68719476736
                    ) + (
                      (
                        "t27"."since" - 1788220800
                      ) * 4
                    ) + 2 AS "event"
                  FROM "t26" AS "t27"
                  WHERE
                    (
                      "t27"."before" IS NULL
                    ) OR (
                      "t27"."since" > "t27"."before"
                    )
                ) AS "t28"
                UNION ALL
                SELECT
                  *
                FROM (
                  SELECT
                    (
                      "t27"."key" * 68719476736
                    ) + (
                      (
                        "t27"."latest" - 1788220800
                      ) * 4
                    ) + 0 AS "event"
                  FROM "t26" AS "t27"
                  WHERE
                    (
                      "t27"."following" IS NULL
                    ) OR (
                      "t27"."following" > "t27"."latest"
                    )
                ) AS "t29"
              ) AS "t30"
              UNION ALL
              SELECT
                *
              FROM (
                SELECT
                  (
                    "t11"."key" * 68719476736
                  ) + (
                    (
                      "t11"."at" - 1788220800
                    ) * 4
                  ) + 1 AS "event"
                FROM "t10" AS "t11"
              ) AS "t19"
            ) AS "t31"
          ) AS "t32"
        ) AS "t33"
      ) AS "t34"
      GROUP BY
        1
    ) AS "t36"
    INNER JOIN (
      SELECT
        *
      FROM "t10" AS "t11"
      WHERE
        "t11"."period" >= 0
    ) AS "t18"
      ON "t36"."cell" = "t18"."cell"
  ) AS "t37"
  GROUP BY
    1,
    2
) AS "t38"
